package store

// op names one kind of change to the disk.
type op uint8

const (
	opMkdir op = iota + 1
	opCreate
	opAllocate
	opWrite
	opSyncFile
	opSyncDir
	opSyncAll
	opAttributes
	opRename
	opRemove
	opSymlink
)

// step is one change to the disk, before it is made. Paths are relative to the
// root.
type step struct {
	op   op
	path string
	to   string // of a rename; text of a symbolic link
	off  int64  // of a write
	size int64  // of an allocation
	data []byte // of a write; valid during the call only
}

// step gives tests the sequence of changes and lets them fail any of them: that
// is how a full disk, an I/O error and a crash at any point are made. An error
// means that the change is not made.
func (t *Tree) step(s step) error {
	if t.onStep == nil {
		return nil
	}
	return t.onStep(s)
}
