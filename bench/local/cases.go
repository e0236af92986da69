//go:build linux

package main

// kase is one thing that is measured. Everything goes through godwit serve over
// loopback, encrypted and verified.
type kase struct {
	name, about string
	set         string
	pull        bool
	sessions    int  // concurrent, each a client process with a copy of the set's divided; 0: one
	onDisk      bool // the target; else tmpfs, as the source always is
}

var cases = []kase{
	{name: "loopback-push", about: "1 GiB pushed from tmpfs to tmpfs", set: "big"},
	{name: "loopback-pull", about: "1 GiB pulled from tmpfs to tmpfs", set: "big", pull: true},
	{name: "loopback-64", about: "64 clients at once, each pushes a file of 32 MiB from tmpfs to tmpfs", set: "big", sessions: 64},
	{name: "disk-small", about: "5,000 files pushed to ext4, durable", set: "small", onDisk: true},
	{name: "disk-tiny", about: "100,000 files pushed to ext4, durable", set: "tiny", onDisk: true},
}
