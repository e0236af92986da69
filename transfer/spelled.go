package transfer

import (
	"encoding/json"

	"github.com/godwit/godwit/transfer/spelling"
)

type (
	plainFileError FileError
	plainEntry     Entry

	spelledFileError struct {
		plainFileError
		Exact []byte `json:"path_base64,omitempty"`
	}
	spelledEntry struct {
		plainEntry
		Exact       []byte `json:"path_base64,omitempty"`
		ExactTarget []byte `json:"target_base64,omitempty"`
	}
)

// MarshalJSON writes a path that is no UTF-8 as package spelling says.
func (f FileError) MarshalJSON() ([]byte, error) {
	s := spelledFileError{plainFileError(f), spelling.Exact(f.Path)}
	s.Path, s.Message = spelling.Text(f.Path), spelling.Text(f.Message)
	return json.Marshal(s)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (f *FileError) UnmarshalJSON(b []byte) error {
	var s spelledFileError
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*f = FileError(s.plainFileError)
	f.Path = spelling.Name(s.Path, s.Exact)
	return nil
}

// MarshalJSON writes names that are no UTF-8 as package spelling says.
func (e Entry) MarshalJSON() ([]byte, error) {
	s := spelledEntry{plainEntry(e), spelling.Exact(e.Path), spelling.Exact(e.Target)}
	s.Path, s.Target = spelling.Text(e.Path), spelling.Text(e.Target)
	return json.Marshal(s)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (e *Entry) UnmarshalJSON(b []byte) error {
	var s spelledEntry
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*e = Entry(s.plainEntry)
	e.Path, e.Target = spelling.Name(s.Path, s.Exact), spelling.Name(s.Target, s.ExactTarget)
	return nil
}
