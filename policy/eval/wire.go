package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// kind of a line.
type kind struct {
	Type string `json:"type"`
}

// wireObservation is an Observation as a line spells it.
type wireObservation struct {
	Now            *float64   `json:"now"`
	Nodes          []wireNode `json:"nodes"`
	Queue          []float64  `json:"queue"`
	Refused        int        `json:"refused"`
	LaunchFailures int        `json:"launch_failures"`
	CapacityErrors int        `json:"capacity_errors"`
	Deaths         int        `json:"deaths"`
}

type wireNode struct {
	ID        *int         `json:"id"`
	State     State        `json:"state"`
	Age       float64      `json:"age"`
	Ready     float64      `json:"ready"`
	Bandwidth float64      `json:"bandwidth"`
	High      bool         `json:"high"`
	Sessions  wireSessions `json:"sessions"`
}

// wireSessions are triples of id, wanted and rate. Most of a line is made of
// them, hence a parser of their own.
type wireSessions []Session

// UnmarshalJSON reads [[id, wanted, rate], …].
func (w *wireSessions) UnmarshalJSON(b []byte) error {
	*w = (*w)[:0]
	if string(b) == "null" {
		return nil
	}
	p := triples{b: b}
	if !p.take('[') {
		return errors.New("sessions is no list")
	}
	for first := true; !p.take(']'); first = false {
		if !first && !p.take(',') || !p.take('[') {
			return errors.New("sessions: want triples of id, wanted and rate")
		}
		var x [3]float64
		for i := range x {
			if i > 0 && !p.take(',') || !p.number(&x[i]) {
				return errors.New("sessions: want three numbers each: id, wanted and rate")
			}
		}
		if !p.take(']') {
			return errors.New("sessions: want three numbers each: id, wanted and rate")
		}
		id := int64(x[0])
		if float64(id) != x[0] {
			return fmt.Errorf("sessions: id %g is no whole number", x[0])
		}
		*w = append(*w, Session{ID: id, Wanted: x[1], Rate: x[2]})
	}
	return nil
}

// parseHello reads the first line.
func parseHello(line []byte) (Hello, error) {
	var h struct {
		kind
		Hello
	}
	if err := decode(line, &h); err != nil {
		return Hello{}, err
	}
	if h.Type != "hello" {
		return Hello{}, fmt.Errorf("type is %q; the first line must be hello", h.Type)
	}
	return h.Hello, h.Validate()
}

// parseStep reads a later line; nil without an error means the end.
func parseStep(line []byte) (*Observation, error) {
	var w struct {
		kind
		wireObservation
	}
	if err := decode(line, &w); err != nil {
		return nil, err
	}
	switch w.Type {
	case "end":
		return nil, nil //nolint:nilnil // the end is no error and no observation
	case "observe":
	default:
		return nil, fmt.Errorf("type is %q; want observe or end", w.Type)
	}
	if w.Now == nil {
		return nil, errors.New("now is missing")
	}
	o := &Observation{
		Now: *w.Now, Nodes: make([]Node, len(w.Nodes)), Queue: w.Queue,
		Refused: w.Refused, LaunchFailures: w.LaunchFailures, CapacityErrors: w.CapacityErrors, Deaths: w.Deaths,
	}
	for i := range w.Nodes {
		n := &w.Nodes[i]
		if n.ID == nil {
			return nil, fmt.Errorf("nodes[%d]: id is missing", i)
		}
		o.Nodes[i] = Node{
			ID: *n.ID, State: n.State, AgeS: n.Age, ReadyS: n.Ready,
			Bandwidth: n.Bandwidth, High: n.High, Sessions: n.Sessions,
		}
	}
	return o, nil
}

// decode reads one JSON object. Fields that it does not know are of a later
// world and are passed over.
func decode(line []byte, into any) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return errors.New("the line is empty")
	}
	if err := json.Unmarshal(line, into); err != nil {
		return fmt.Errorf("no JSON as expected: %w", err)
	}
	return nil
}
