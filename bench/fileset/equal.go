package fileset

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// equal tells whether two files have the same bytes; x and y are buffers of one length.
func equal(a, b string, x, y []byte) (bool, error) {
	f, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer f.Close()
	g, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer g.Close()
	for {
		n, errF := io.ReadFull(f, x)
		m, errG := io.ReadFull(g, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if ended(errF) && ended(errG) {
			return true, nil
		}
		if err := errors.Join(errF, errG); err != nil {
			if ended(errF) || ended(errG) {
				return false, nil
			}
			return false, err
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
