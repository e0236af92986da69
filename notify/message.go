package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/godwit/godwit/statestore"
)

// Types of messages.
const (
	TypeOpened = "condition.opened"
	TypeClosed = "condition.closed"
	TypeTest   = "test"
)

// Message is what a target is told, in the form that webhooks get.
type Message struct {
	Type string    `json:"type"`
	At   time.Time `json:"timestamp"` // of the change
	Data Data      `json:"data"`
}

// Data says what happened.
type Data struct {
	ClusterID   string     `json:"cluster_id,omitempty"`
	ClusterName string     `json:"cluster_name,omitempty"`
	Kind        string     `json:"kind,omitempty"`
	Subject     string     `json:"subject,omitempty"`
	Since       *time.Time `json:"since,omitempty"`
	Until       *time.Time `json:"until,omitempty"`
	Text        string     `json:"text"`
	Next        string     `json:"next,omitempty"` // what to do about it
	URL         string     `json:"url,omitempty"`  // of the manager
}

// Of is the message of a condition's change.
func Of(c statestore.ConditionChange, cluster, url string) Message {
	since := c.Since
	m := Message{Type: TypeOpened, At: c.At, Data: Data{
		ClusterID: c.ClusterID, ClusterName: cluster, Kind: c.Kind, Subject: c.Subject, Since: &since, Text: c.Text, Next: c.Next, URL: url,
	}}
	if c.Change == statestore.ConditionClosed {
		until := c.At
		m.Type, m.Data.Until, m.Data.Next = TypeClosed, &until, ""
	}
	return m
}

// Test is the message by which an operator tries a notification out.
func Test(now time.Time, name, url string) Message {
	return Message{Type: TypeTest, At: now, Data: Data{
		Text: fmt.Sprintf("This is a test of the notification %q. Conditions of clusters will be told here.", name), URL: url,
	}}
}

// subject is one line for a mail's head.
func (m Message) subject() string {
	d := m.Data
	switch m.Type {
	case TypeOpened:
		return line(fmt.Sprintf("[godwit] %s: %s", d.ClusterName, strings.ReplaceAll(d.Kind, "_", " ")))
	case TypeClosed:
		return line(fmt.Sprintf("[godwit] %s: %s is over", d.ClusterName, strings.ReplaceAll(d.Kind, "_", " ")))
	}
	return "[godwit] test"
}

// body is a mail's text.
func (m Message) body() string {
	d := m.Data
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", d.Text)
	if d.Next != "" {
		fmt.Fprintf(&b, "What to do: %s\n\n", d.Next)
	}
	for _, row := range []struct {
		name, value string
	}{
		{"Cluster", d.ClusterName}, {"Condition", d.Kind}, {"About", d.Subject}, {"Since", stamp(d.Since)}, {"Until", stamp(d.Until)}, {"Manager", d.URL},
	} {
		if row.value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", row.name+":", row.value)
		}
	}
	return b.String()
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// line keeps what others wrote (a provider's error, a name) from adding lines to a head.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 200 {
		s = string(r[:199]) + "…"
	}
	return s
}
