package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type certificateShown struct {
	Source      string `json:"source"`
	Certificate *struct {
		Names     []string  `json:"names"`
		Issuer    string    `json:"issuer"`
		SHA256    string    `json:"sha256"`
		NotBefore time.Time `json:"not_before"`
		NotAfter  time.Time `json:"not_after"`
	} `json:"certificate"`
	Names     []string   `json:"names"`
	Uncovered []string   `json:"uncovered"`
	Author    string     `json:"author"`
	UpdatedAt *time.Time `json:"updated_at"`
}

// origin says where a certificate comes from.
func (c certificateShown) origin() string {
	switch c.Source {
	case "uploaded":
		return "uploaded by " + orDash(c.Author)
	case "file":
		return "files of the manager (--node-certificate)"
	case "ordered":
		return "ordered by the manager (ACME)"
	}
	return "none: nodes show that of the cluster's own authority alone"
}

func drawCertificate(t *table, c certificateShown) {
	t.row("FIELD", "VALUE")
	t.row("source", c.origin())
	if v := c.Certificate; v != nil {
		t.row("names", strings.Join(v.Names, ", "))
		t.row("issuer", v.Issuer)
		t.row("from", v.NotBefore.Format(time.RFC3339))
		t.row("ends", fmt.Sprintf("%s, %s", v.NotAfter.Format(time.RFC3339), remaining(v.NotAfter)))
		t.row("sha256", v.SHA256)
	}
	if len(c.Names) > 0 {
		t.row("in DNS", strings.Join(c.Names, ", "))
	}
	if len(c.Uncovered) > 0 {
		t.line("not good for: " + strings.Join(c.Uncovered, ", "))
	}
}

// remaining is how long it is until t, in one unit.
func remaining(t time.Time) string {
	if left := time.Until(t); left > 0 {
		return "in " + brief(left)
	}
	return "it is over"
}

func newCertificateCommand(a *app) *cobra.Command {
	names := a.names("/api/v1/clusters")
	of := func(cluster string) string { return at("clusters", cluster, "certificate") }
	get := &cobra.Command{
		Use: "get CLUSTER", Short: "Show what certificate a cluster's nodes show by name", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, of(args[0]), nil, drawCertificate)
		},
	}
	var chain, key string
	var other bool
	set := &cobra.Command{
		Use: "set CLUSTER --chain FILE --key FILE", Short: "Upload a certificate for a cluster's nodes", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		Long: `set gives the nodes of a cluster a certificate to show to clients that look for them
by one of its names. Nodes show it within seconds; running transfers go on. Both files
are PEM: the chain has the server's certificate first, then each the issuer of the one
before; the key has no passphrase. - reads one of them from standard input.

  godwit certificate set studio --chain fullchain.pem --key privkey.pem
  pass show studio-key | godwit certificate set studio --chain fullchain.pem --key -

The key is kept encrypted in the manager's database and goes to the cluster's nodes,
which keep it in memory only. It is never shown again.`,
		RunE: func(c *cobra.Command, args []string) error {
			if chain == "-" && key == "-" {
				return usagef("only one of --chain and --key can be standard input")
			}
			body := map[string]any{}
			for field, file := range map[string]string{"chain": chain, "key": key} {
				text, err := a.text(file)
				if err != nil {
					return err
				}
				body[field] = text
			}
			if other {
				body["other_names"] = true
			}
			return amend(c.Context(), a, http.MethodPut, of(args[0]), "", body, drawCertificate)
		},
	}
	set.Flags().StringVar(&chain, "chain", "", "certificates in PEM; - is stdin")
	set.Flags().StringVar(&key, "key", "", "private key in PEM; - is stdin")
	set.Flags().BoolVar(&other, "other-names", false, "the certificate has none of the cluster's names in DNS: its names lead to the nodes by other means")
	_ = set.MarkFlagRequired("chain")
	_ = set.MarkFlagRequired("key")
	remove := &cobra.Command{
		Use: "delete CLUSTER", Short: "Take an uploaded certificate away", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		Long: `delete takes the uploaded certificate away, with its key. Nodes then show what they
would without it: that of the manager's files, an ordered one, or their own alone.`,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, of(args[0]), nil, say("cluster %s: the uploaded certificate is gone", args[0]))
		},
	}
	return group("certificate", "Show and upload what certificates nodes show by name", get, set, remove)
}

// longestText is more than any chain has.
const longestText = 1 << 20

// text reads a file; - is stdin.
func (a *app) text(file string) (string, error) {
	in := a.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", usageError{err}
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, longestText+1))
	switch {
	case err != nil:
		return "", usageError{err}
	case len(b) > longestText:
		return "", usagef("%s: is larger than 1 MiB", file)
	}
	return string(b), nil
}
