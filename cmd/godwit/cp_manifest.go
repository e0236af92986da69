package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/godwit/godwit/internal/realpath"
	"github.com/godwit/godwit/transfer"
	"github.com/godwit/godwit/transfer/manifest"
)

// receipts is the manifest of one cp; nil when none was asked for.
type receipts struct {
	w *manifest.Writer
	f *os.File
}

// receipts begins the manifest that --manifest names.
func (fl *copyFlags) receipts(job transfer.Job) (*receipts, error) {
	o := manifest.Options{Format: manifest.Format(fl.manifestFormat), SHA256: fl.checksum == "sha-256"}
	switch {
	case o.Format != manifest.JSON && o.Format != manifest.Text:
		return nil, usagef("--manifest-format %q is not json or text", fl.manifestFormat)
	case fl.checksum != "blake3" && fl.checksum != "sha-256":
		return nil, usagef("--checksum %q is not blake3 or sha-256", fl.checksum)
	case fl.manifest == "" && o.SHA256:
		return nil, usagef("--checksum sha-256 is for receipts: give --manifest FILE")
	case fl.manifest == "":
		return nil, nil
	case o.SHA256 && (job.Input != nil || job.Output != nil || job.Synthetic != nil || job.Options.Discard):
		return nil, usagef("--checksum sha-256 reads files here once more, and there are none")
	case o.SHA256 && (job.Options.Seal != nil || len(job.Options.Unseal) > 0):
		return nil, usagef("--checksum sha-256 is of what travelled, which is not what is here: leave it out with encryption")
	case o.SHA256 && job.Direction == transfer.Push && job.Options.Afterwards != transfer.AfterKeep:
		return nil, usagef("--checksum sha-256 reads the sources once more: they cannot go before")
	}
	if fl.manifest == "-" {
		return nil, usagef("--manifest is a file: write ./- for one of that name, or /dev/stdout")
	}
	if err := notASource(fl.manifest, job); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(fl.manifest, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return &receipts{w: manifest.NewWriter(f, job, o), f: f}, nil
}

// notASource refuses a manifest that would be written over what is to be sent, or be
// sent itself while it is written.
func notASource(path string, job transfer.Job) error {
	if job.Direction == transfer.Pull {
		return nil
	}
	there, _ := os.Stat(path) // nil, which is the same as nothing, where nothing is
	for _, source := range job.Sources {
		info, _ := os.Stat(source)
		if realpath.Within(path, source) || os.SameFile(info, there) {
			return usagef("--manifest %s is part of what is to be copied: write it elsewhere", path)
		}
	}
	return nil
}

func (r *receipts) event(e transfer.Event) {
	if r != nil {
		r.w.Event(e)
	}
}

// close makes the manifest durable, where it is a file and no pipe.
func (r *receipts) close(res transfer.Result, jobErr error) error {
	if r == nil {
		return nil
	}
	err := r.w.Close(res, jobErr)
	if info, statErr := r.f.Stat(); statErr == nil && info.Mode().IsRegular() {
		err = errors.Join(err, r.f.Sync())
	}
	if err = errors.Join(err, r.f.Close()); err != nil {
		return fmt.Errorf("manifest %s: %w", r.f.Name(), err)
	}
	return nil
}
