package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/cmd/godwit/internal/manifest"
)

// unexpected is what the manager says of a field that there is not.
const unexpected = "unexpected property"

var index = regexp.MustCompile(`\[[0-9]+\]`)

// unknownFields says of fields that the manager does not know which one was likely
// meant, by the schema of the document that err is about.
func unknownFields(kind manifest.Kind, err error) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	told := *e
	told.Fields = slices.Clone(e.Fields)
	for i, f := range e.Fields {
		if f.Message != unexpected {
			continue
		}
		path := strings.Split(index.ReplaceAllString(strings.TrimPrefix(f.Location, "body."), ""), ".")
		name := path[len(path)-1]
		near := manifest.Nearest(name, manifest.Fields(kind, path[:len(path)-1]...))
		says := fmt.Sprintf("there is no such field; godwit schema %s lists them", strings.ToLower(string(kind)))
		if near != "" {
			says = "there is no such field; did you mean " + near + "?"
		}
		told.Fields[i].Message = says
		told.Detail = strings.ReplaceAll(told.Detail, f.Location+": "+unexpected, strings.TrimPrefix(f.Location, "body.")+": "+says)
	}
	return &told
}
