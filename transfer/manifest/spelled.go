package manifest

import (
	"encoding/json"
	"slices"

	"github.com/godwit/godwit/transfer/spelling"
)

type (
	plainHead    Head
	plainReceipt Receipt

	spelledHead struct {
		plainHead
		ExactSources     [][]byte `json:"sources_base64,omitempty"` // null for one that is its own text
		ExactDestination []byte   `json:"destination_base64,omitempty"`
	}
	spelledReceipt struct {
		plainReceipt
		Exact []byte `json:"path_base64,omitempty"`
	}
)

// MarshalJSON writes names that are no UTF-8 as package spelling says.
func (h Head) MarshalJSON() ([]byte, error) {
	s := spelledHead{plainHead: plainHead(h), ExactDestination: spelling.Exact(h.Destination)}
	s.Destination, s.Sources = spelling.Text(h.Destination), slices.Clone(h.Sources)
	for i, name := range h.Sources {
		if exact := spelling.Exact(name); exact != nil {
			if s.ExactSources == nil {
				s.ExactSources = make([][]byte, len(h.Sources))
			}
			s.Sources[i], s.ExactSources[i] = spelling.Text(name), exact
		}
	}
	return json.Marshal(s)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (h *Head) UnmarshalJSON(b []byte) error {
	var s spelledHead
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*h = Head(s.plainHead)
	h.Destination = spelling.Name(s.Destination, s.ExactDestination)
	for i := range min(len(h.Sources), len(s.ExactSources)) {
		h.Sources[i] = spelling.Name(h.Sources[i], s.ExactSources[i])
	}
	return nil
}

// MarshalJSON writes a path that is no UTF-8 as package spelling says.
func (r Receipt) MarshalJSON() ([]byte, error) {
	s := spelledReceipt{plainReceipt(r), spelling.Exact(r.Path)}
	s.Path, s.Message = spelling.Text(r.Path), spelling.Text(r.Message)
	return json.Marshal(s)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (r *Receipt) UnmarshalJSON(b []byte) error {
	var s spelledReceipt
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*r = Receipt(s.plainReceipt)
	r.Path = spelling.Name(s.Path, s.Exact)
	return nil
}
