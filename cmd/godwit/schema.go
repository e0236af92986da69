package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/cmd/godwit/internal/manifest"
)

func newSchemaCommand(a *app) *cobra.Command {
	var kinds []string
	for _, k := range manifest.Kinds() {
		kinds = append(kinds, strings.ToLower(string(k)))
	}
	return &cobra.Command{
		Use: "schema " + strings.Join(kinds, "|"), Short: "Print the JSON Schema of a document that apply takes", Args: cobra.ExactArgs(1),
		Long: `schema prints the JSON Schema (2020-12) of a kind of document, with what every field
means: for editors that complete and check YAML, and for reading.

  godwit schema policy > godwit-policy.schema.json
  # first line of policy.yaml, for editors with the YAML language server:
  # yaml-language-server: $schema=godwit-policy.schema.json`,
		ValidArgs: kinds,
		RunE: func(_ *cobra.Command, args []string) error {
			for _, k := range manifest.Kinds() {
				if strings.EqualFold(args[0], string(k)) {
					b, err := manifest.Schema(k)
					if err == nil {
						_, err = a.out.Write(b)
					}
					return err
				}
			}
			return usagef("there is no kind %q; there are %s", args[0], strings.Join(kinds, ", "))
		},
	}
}
