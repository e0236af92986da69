package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/internal/version"
)

// app is what every command needs: where it prints, and who it speaks to.
type app struct {
	streams
	profile  string // name; "" is the default
	output   string // table, json or yaml
	answered bool   // JSON was printed that says how it ended
}

func newRoot(s streams) *cobra.Command { return (&app{streams: s}).root() }

// root is the command that holds all others.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "godwit",
		Short: "Move files through Godwit clusters, and run them",
		Long: `godwit copies files and trees through clusters of transfer nodes, over UDP, as
fast as the path allows, encrypted, verified and resumable; and administers the
clusters.

  godwit login https://host:8443#sha256=…         once: store address, pin and credentials
  godwit cp -r footage/ studio:/incoming           push a tree through the cluster "studio"
  godwit cp -r studio:/incoming/footage .          and pull it
  godwit ls studio:/incoming                       what is there
  godwit cluster list; godwit node list            what runs
  godwit decision list                             what the cluster did, and why
  godwit decision why-not studio                   and why it did not
  godwit apply -f cluster/ --dry-run               templates and policies from files

` + exitCodesHelp,
		Version:       version.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			switch a.output {
			case "table", "json", "yaml":
				return nil
			}
			return usagef("--output %q is not table, json or yaml", a.output)
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%v\n        see: %s --help", err, c.CommandPath())
	})
	f := root.PersistentFlags()
	f.StringVar(&a.profile, "profile", "", "stored sign-in to use (default: the last one; or GODWIT_PROFILE)")
	f.StringVarP(&a.output, "output", "o", "table", "how to print: table, json or yaml")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("profile", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return profileNames(), cobra.ShellCompDirectiveNoFileComp
	})
	root.AddCommand(
		newLogin(a), newLogout(a), newCopy(a), newList(a), newServe(a), newProbe(a),
		newClusterCommand(a), newTemplateCommand(a), newPolicyCommand(a), newScheduleCommand(a), newForecastCommand(a), newConfigCommand(a), newLinkCommand(a), newCertificateCommand(a), newRolloutCommand(a), newNodeCommand(a),
		newDecisionCommand(a), newConditionCommand(a), newApplyCommand(a), newGetCommand(a), newSchemaCommand(a),
		newServiceCommand(a), newNotificationCommand(a), newLogLevelCommand(a),
		newTransferCommand(a), newKeyCommand(a), newTokenCommand(a), newUserCommand(a),
		newSessionCommand(a), newSignInCommand(a), newAuditCommand(a), newSettingsCommand(a),
	)
	root.InitDefaultCompletionCmd() // now, so that they are held to the same as all others
	root.InitDefaultHelpCmd()
	checkTopics(root)
	markUsage(root)
	return root
}

// checkTopics makes help of a command that there is not an error, as the command is.
func checkTopics(root *cobra.Command) {
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.Args = func(_ *cobra.Command, topic []string) error {
			if c, rest, _ := root.Find(topic); len(rest) > 0 {
				return usagef("%s knows no command %q", c.CommandPath(), rest[0])
			}
			return nil
		}
	}
}

// markUsage makes cobra's complaints about arguments usage errors, and a group
// without a subcommand say which ones there are.
func markUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usagef("%v; write: %s\n        see: %s --help", err, c.UseLine(), c.CommandPath())
			}
			return nil
		}
	}
	if c.RunE != nil {
		c.PreRunE = func(c *cobra.Command, _ []string) error { return missing(c) }
	}
	c.SuggestionsMinimumDistance = 2
	if c.HasSubCommands() && c.RunE == nil && c.Run == nil {
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			hint := ""
			if s := c.SuggestionsFor(args[0]); len(s) > 0 {
				hint = "; did you mean " + strings.Join(s, " or ") + "?"
			}
			return usagef("%s knows no command %q%s\n        see: %s --help", c.CommandPath(), args[0], hint, c.CommandPath())
		}
	}
	for _, sub := range c.Commands() {
		markUsage(sub)
	}
}

// missing says which flags a command needs and has not, before cobra does: a
// usage error, with what the flag is and how the command is written.
func missing(c *cobra.Command) error {
	var lacks, oneOf []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if len(f.Annotations[cobra.BashCompOneRequiredFlag]) > 0 && !f.Changed {
			lacks = append(lacks, "--"+f.Name+" ("+f.Usage+")")
		}
		if names := f.Annotations[oneRequired]; len(names) > 0 {
			oneOf = strings.Fields(names[0])
		}
	})
	if len(lacks) == 0 && len(oneOf) > 0 && !slices.ContainsFunc(oneOf, c.Flags().Changed) {
		lacks = []string{"--" + strings.Join(oneOf, " or --")}
	}
	example := c.CommandPath()
	if _, after, found := strings.Cut(c.Use, " "); found {
		example += " " + after
	}
	if len(lacks) > 0 {
		return usagef("give %s, such as: %s\n        see: %s --help", strings.Join(lacks, " and "), example, c.CommandPath())
	}
	if err := c.ValidateFlagGroups(); err != nil {
		return usagef("%v\n        see: %s --help", err, c.CommandPath())
	}
	return nil
}

// oneRequired is cobra's annotation of flags of which one must be given.
const oneRequired = "cobra_annotation_one_required"

// api returns a client signed in as the profile says.
func (a *app) api() (*client.Client, Profile, error) {
	p, err := loadProfile(a.profile)
	if err != nil {
		return nil, p, err
	}
	c, err := p.client()
	return c, p, err
}
