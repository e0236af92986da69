// Package configuration is what an operator sets for the nodes of a cluster: one document, checked here for everybody,
// turned into the command that nodes obey, and compared field by field.
//
// Every field says how it reaches a node that runs. Live ones are in force within seconds and touch no transfer. What a
// process reads only once waits until the node's transfer service has no session, and is applied by restarting it then;
// until it is, the node reports the field as drift. A zero leaves the field to the template that the node was launched
// from, or to the node's own default.
package configuration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/godwit/godwit/fleet/command"
)

// Document is a node configuration. Rates are megabits (1,000,000 bits) per second.
type Document struct {
	SendCapMbps     float64  `json:"send_cap_mbps" minimum:"0" maximum:"1000000" doc:"Bandwidth of a node out, Mb/s, shared by its sessions; 0: as the template says. Live."`
	ReceiveCapMbps  float64  `json:"receive_cap_mbps" minimum:"0" maximum:"1000000" doc:"Bandwidth of a node in, Mb/s; 0: as the template says. Live."`
	MaxSessions     int      `json:"max_sessions" minimum:"0" maximum:"100000" doc:"Sessions at a time; 0: as the template says, or 1000. Live, for new sessions."`
	SessionRateMbps float64  `json:"session_rate_mbps" minimum:"0" maximum:"1000000" doc:"Target rate of sessions whose client asks for none, Mb/s; 0: none. Live."`
	SessionCapMbps  float64  `json:"session_cap_mbps" minimum:"0" maximum:"1000000" doc:"The most that one session gets, Mb/s; 0: no cap. Live."`
	SessionMemoryMB int      `json:"session_memory_mb" minimum:"0" maximum:"65536" doc:"Memory that one session may use, MiB; 0: 256. Applied by a restart of the transfer service once it has no session."`
	Ciphers         []string `json:"ciphers" maxItems:"3" nullable:"false" enum:"aes-128-gcm,aes-256-gcm,chacha20-poly1305" doc:"Ciphers that sessions may use; none named: all. Live, for new sessions."`
	ReportIntervalS float64  `json:"report_interval_s" minimum:"0" maximum:"30" doc:"Seconds between a node's reports; 0: as the template says. Live."`
	LogLevel        string   `json:"log_level" enum:",debug,info,warn,error" doc:"How much nodes log; empty: as the installation's log levels say. Live."`
	Links           []Link   `json:"links" maxItems:"32" nullable:"false" doc:"Virtual links: bandwidth that sessions on all nodes of the cluster share. Live."`
}

// Fault is a field that is refused.
type Fault struct{ Field, Problem string }

// Faults are all that is wrong with a document.
type Faults []Fault

func (f Faults) Error() string {
	parts := make([]string, len(f))
	for i, x := range f {
		parts[i] = x.Field + " " + x.Problem
	}
	return strings.Join(parts, "; ")
}

// Bounds: beyond them is a slip of the keyboard.
const (
	maxMbps           = 1_000_000 // a terabit per second
	maxSessions       = 100_000
	minMemoryMB       = 16 // transfer's own least
	maxMemoryMB       = 64 << 10
	minReport         = 0.2
	maxReport         = 30 // a node is late after that
	maxBytes          = 64 << 10
	bitsOfMega        = 1e6
	bytesOfMiB  int64 = 1 << 20
)

var (
	ciphers = []string{"aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"}
	levels  = []string{"", "debug", "info", "warn", "error"}
)

// Parse reads a document strictly: a field that is not known is refused, since a misspelt cap is a node without one.
// Its error is Faults where fields are at fault.
func Parse(raw []byte) (Document, error) {
	var d Document
	if len(raw) > maxBytes {
		return d, errors.New("a node configuration is no longer than 64 KiB")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var wrong *json.UnmarshalTypeError
	switch err := dec.Decode(&d); {
	case errors.As(err, &wrong) && wrong.Field != "":
		return d, Faults{{wrong.Field, "is a " + wrong.Value + "; want " + wrong.Type.String()}}
	case err != nil && strings.HasPrefix(err.Error(), "json: unknown field "):
		field := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return d, Faults{{field, "is no field of a node configuration"}}
	case err != nil:
		return d, fmt.Errorf("node configuration: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return d, errors.New("node configuration: something follows the document")
	}
	d.complete()
	if faults := d.check(); faults != nil {
		return d, faults
	}
	return d, nil
}

// Read takes a stored document as far as this release can read it: what is stored was checked when it was, but maybe by
// another release.
func Read(raw []byte) Document {
	var d Document
	_ = json.Unmarshal(raw, &d) // see above
	d.complete()
	return d
}

// complete makes lists that are missing empty ones.
func (d *Document) complete() {
	if d.Ciphers == nil {
		d.Ciphers = []string{}
	}
	if d.Links == nil {
		d.Links = []Link{}
	}
	for i := range d.Links {
		if d.Links[i].AccessKeys == nil {
			d.Links[i].AccessKeys = []string{}
		}
	}
}

func (d Document) check() Faults {
	var faults Faults
	add := func(field, format string, values ...any) {
		faults = append(faults, Fault{field, fmt.Sprintf(format, values...)})
	}
	for _, r := range []struct {
		field string
		mbps  float64
	}{
		{"send_cap_mbps", d.SendCapMbps},
		{"receive_cap_mbps", d.ReceiveCapMbps},
		{"session_rate_mbps", d.SessionRateMbps},
		{"session_cap_mbps", d.SessionCapMbps},
	} {
		if r.mbps < 0 || r.mbps > maxMbps || r.mbps > 0 && r.mbps < 0.001 {
			add(r.field, "is %g Mb/s; want 0 (none of its own) or 0.001 to %d", r.mbps, maxMbps)
		}
	}
	if d.SessionCapMbps > 0 && d.SessionRateMbps > d.SessionCapMbps {
		add("session_rate_mbps", "is %g Mb/s, more than session_cap_mbps lets any session have (%g)", d.SessionRateMbps, d.SessionCapMbps)
	}
	if d.MaxSessions < 0 || d.MaxSessions > maxSessions {
		add("max_sessions", "is %d; want 0 (as the template says) to %d", d.MaxSessions, maxSessions)
	}
	if d.SessionMemoryMB != 0 && (d.SessionMemoryMB < minMemoryMB || d.SessionMemoryMB > maxMemoryMB) {
		add("session_memory_mb", "is %d MiB; want 0 (256) or %d to %d", d.SessionMemoryMB, minMemoryMB, maxMemoryMB)
	}
	if d.ReportIntervalS != 0 && (d.ReportIntervalS < minReport || d.ReportIntervalS > maxReport) {
		add("report_interval_s", "is %g s; want 0 (as the template says) or %g to %d", d.ReportIntervalS, minReport, maxReport)
	}
	for i, c := range d.Ciphers {
		if !slices.Contains(ciphers, c) {
			add("ciphers", "has %q; known are %s", c, strings.Join(ciphers, ", "))
		} else if slices.Contains(d.Ciphers[:i], c) {
			add("ciphers", "has %s twice", c)
		}
	}
	if !slices.Contains(levels, d.LogLevel) {
		add("log_level", "is %q; want debug, info, warn, error, or nothing", d.LogLevel)
	}
	return append(faults, checkLinks(d.Links)...)
}

// Fill writes the document into what a node is told.
func (d Document) Fill(c *command.Config) {
	bits := func(mbps float64) int64 { return int64(mbps * bitsOfMega) }
	c.SendCapBps, c.ReceiveCapBps = bits(d.SendCapMbps), bits(d.ReceiveCapMbps)
	c.SessionRateBps, c.SessionCapBps = bits(d.SessionRateMbps), bits(d.SessionCapMbps)
	c.MaxSessions, c.SessionMemory = d.MaxSessions, int64(d.SessionMemoryMB)*bytesOfMiB
	c.Ciphers, c.ReportInterval = d.Ciphers, d.ReportIntervalS
	if d.LogLevel != "" {
		c.LogLevel = d.LogLevel
	}
	for _, l := range d.Links {
		c.Links = append(c.Links, command.Link{Name: l.Name, AccessKeys: l.AccessKeys, Default: l.Default, In: l.InMbps > 0, Out: l.OutMbps > 0})
	}
}
