package manager

import (
	"net"
	"slices"
	"testing"
)

func TestPublicURLFollowsTheListener(t *testing.T) {
	t.Parallel()
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8443}
	c := Config{Listen: "127.0.0.1:0"}
	if got := c.publicURL(address); got != "https://127.0.0.1:8443" {
		t.Error(got)
	}
	c.PublicURL = "https://transfer.example.org"
	if got := c.publicURL(address); got != "https://transfer.example.org" {
		t.Error(got)
	}
	all := Config{Listen: "0.0.0.0:8443"}
	if got := all.publicURL(&net.TCPAddr{IP: net.IPv4zero, Port: 8443}); got == "https://0.0.0.0:8443" {
		t.Error("nobody reaches " + got)
	}
	names := c.names("https://transfer.example.org:8443")
	for _, want := range []string{"localhost", "127.0.0.1", "transfer.example.org"} {
		if !slices.Contains(names, want) {
			t.Errorf("%v lacks %s", names, want)
		}
	}
	if n := all.names("https://10.0.0.1:1"); slices.Contains(n, "0.0.0.0") || !slices.Contains(n, "10.0.0.1") {
		t.Error(n)
	}
}

func TestPublicURLsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"http://h", "h:1", "https://", "https://u@h", "https://h/path", "https://h?x", "https://h#f"} {
		c := Config{Data: t.TempDir(), PublicURL: u}
		if err := c.complete(); err == nil {
			t.Errorf("%q is taken as %q", u, c.PublicURL)
		}
	}
	c := Config{Data: t.TempDir(), PublicURL: "https://h:8443/"}
	if err := c.complete(); err != nil || c.PublicURL != "https://h:8443" {
		t.Errorf("%q %v", c.PublicURL, err)
	}
}

func TestDirectoryIsHeldOnceAndGivenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := openData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openData(dir); err == nil {
		t.Error("held twice")
	}
	want := Facts{URL: "https://h", PID: 7, FleetAddr: "h:1"}
	if err := d.writeFacts(want); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFacts(dir); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	again, err := openData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.close(); err != nil {
		t.Error(err)
	}
}
