package main

import (
	"testing"

	"github.com/spf13/pflag"
)

func TestQuantitiesAreReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		value pflag.Value
		text  string
		want  string // "": refused
	}{
		{new(rate), "1g", "1e+09"}, {new(rate), "1.5M", "1.5e+06"}, {new(rate), "64k", "64000"}, {new(rate), "0", "0"}, {new(rate), "-1", ""}, {new(rate), "fast", ""},
		{new(share), "1%", "1%"}, {new(share), "0.25", "25%"}, {new(share), "101%", ""}, {new(share), "-1%", ""}, {new(share), "few", ""},
		{new(burst), "10-50", "10-50"}, {new(burst), "7", "7-7"}, {new(burst), "50-10", ""}, {new(burst), "0-3", ""}, {new(burst), "x", ""},
		{new(size), "64k", "65536"}, {new(size), "1m", "1048576"}, {new(size), "5", "5"}, {new(size), "-5", ""}, {new(size), "big", ""},
	} {
		err := row.value.Set(row.text)
		switch {
		case (err != nil) != (row.want == ""):
			t.Errorf("%s %q: %v", row.value.Type(), row.text, err)
		case err == nil && row.value.String() != row.want:
			t.Errorf("%s %q is %s, not %s", row.value.Type(), row.text, row.value, row.want)
		}
	}
}
