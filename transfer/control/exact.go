package control

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// Names of files may be any bytes, and JSON holds text only. Where a message in JSON
// has names that are no UTF-8, their bytes follow under "exact", by the field in which
// JSON has spoilt them: {"paths":["caf\ufffd"],"exact":{"paths.0":"Y2Fm6Q=="}}.

// exact are names that are no UTF-8, by field.
type exact map[string][]byte

// named is a message that holds names.
type named interface {
	names(visit func(field string, index int, name *string))
}

// spoilt are the names of m that JSON cannot hold.
func spoilt(m named) exact {
	var x exact
	m.names(func(field string, index int, name *string) {
		if utf8.ValidString(*name) {
			return
		}
		if x == nil {
			x = exact{}
		}
		x[key(field, index)] = []byte(*name)
	})
	return x
}

// mend gives m its exact names.
func (x exact) mend(m named) {
	if len(x) == 0 {
		return
	}
	m.names(func(field string, index int, name *string) {
		if b, ok := x[key(field, index)]; ok {
			*name = string(b)
		}
	})
}

// key is a field of one name, or of a list where index is not negative.
func key(field string, index int) string {
	if index < 0 {
		return field
	}
	return field + "." + strconv.Itoa(index)
}

func (h *Hello) names(visit func(string, int, *string)) {
	lists := map[string][]string{"paths": h.Paths, "names": h.Names}
	if h.Delete != nil {
		lists["delete.scopes"] = h.Delete.Scopes
	}
	for field, list := range lists {
		for i := range list {
			visit(field, i, &list[i])
		}
	}
	visit("backup", -1, &h.Backup)
	visit("move_to", -1, &h.MoveTo)
	visit("after", -1, &h.After)
}

func (e *ListEntry) names(visit func(string, int, *string)) {
	visit("name", -1, &e.Name)
	visit("target", -1, &e.Target)
}

func (t *Trouble) names(visit func(string, int, *string)) { visit("path", -1, &t.Path) }

type (
	plainHello     Hello
	plainListEntry ListEntry
	plainTrouble   Trouble

	wireHello struct {
		plainHello
		Exact exact `json:"exact,omitempty"`
	}
	wireListEntry struct {
		plainListEntry
		Exact exact `json:"exact,omitempty"`
	}
	wireTrouble struct {
		plainTrouble
		Exact exact `json:"exact,omitempty"`
	}
)

// MarshalJSON writes names exactly.
func (h Hello) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireHello{plainHello(h), spoilt(&h)})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (h *Hello) UnmarshalJSON(b []byte) error {
	w := wireHello{plainHello: plainHello(*h)}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*h = Hello(w.plainHello)
	w.Exact.mend(h)
	return nil
}

// MarshalJSON writes names exactly.
func (e ListEntry) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireListEntry{plainListEntry(e), spoilt(&e)})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (e *ListEntry) UnmarshalJSON(b []byte) error {
	var w wireListEntry
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*e = ListEntry(w.plainListEntry)
	w.Exact.mend(e)
	return nil
}

// MarshalJSON writes names exactly.
func (t Trouble) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireTrouble{plainTrouble(t), spoilt(&t)})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (t *Trouble) UnmarshalJSON(b []byte) error {
	var w wireTrouble
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*t = Trouble(w.plainTrouble)
	w.Exact.mend(t)
	return nil
}
