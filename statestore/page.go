package statestore

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Page asks for a part of a list. The zero value asks for its beginning.
type Page struct {
	Cursor string // Next of the page before; empty for the first
	Limit  int    // rows wanted; 0 means 50, more than 1000 means 1000
}

// List is one page. Next is empty on the last one.
type List[T any] struct {
	Items []T
	Next  string
}

const (
	defaultLimit = 50
	maxLimit     = 1000
)

func (p Page) limit() int {
	switch {
	case p.Limit <= 0:
		return defaultLimit
	case p.Limit > maxLimit:
		return maxLimit
	}
	return p.Limit
}

// after opens the cursor: the key of the last row seen, or "" for the start.
// The noun is part of it, so that a cursor of one list fails in another.
func (p Page) after(noun string) (string, error) {
	if p.Cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return "", fmt.Errorf("page cursor: %w", ErrInvalid)
	}
	key, ok := strings.CutPrefix(string(raw), noun+"\x00")
	if !ok || key == "" || !validText(key) {
		return "", fmt.Errorf("page cursor of another list: %w", ErrInvalid)
	}
	return key, nil
}

// below opens the cursor of a list that falls by number: rows below it come next.
func (p Page) below(noun string) (int64, error) {
	after, err := p.after(noun)
	if err != nil || after == "" {
		return math.MaxInt64, err
	}
	n, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("page cursor: %w", ErrInvalid)
	}
	return n, nil
}

// paged cuts the row too many that the query asked for and seals the cursor.
func paged[T any](noun string, rows []T, limit int, key func(T) string) List[T] {
	if len(rows) <= limit {
		return List[T]{Items: rows}
	}
	rows = rows[:limit]
	next := base64.RawURLEncoding.EncodeToString([]byte(noun + "\x00" + key(rows[limit-1])))
	return List[T]{Items: rows, Next: next}
}
