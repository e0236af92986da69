package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/eval"
)

func newPolicyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "Try scaling policies without a cluster", Args: cobra.NoArgs}
	cmd.AddCommand(newPolicyEvalCommand())
	return cmd
}

func newPolicyEvalCommand() *cobra.Command {
	var file string
	var stdio bool
	cmd := &cobra.Command{
		Use: "eval --stdio [--policy FILE]", Short: "Decide for a cluster that another program simulates", Args: cobra.NoArgs,
		Long: "Reads what a simulated cluster observes from standard input, one JSON object a line, and answers each line with what the\n" +
			"policy decides, on standard output. It looks at no clock and at nothing else, and decides as a manager does, so that a policy\n" +
			"can be scored on any load. docs/operators.md describes the lines. Without --policy it takes the policy that suits the world\n" +
			"of the first line: its nodes, its service level, its minimum and maximum.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !stdio {
				return errors.New("there is only one way to talk to it: add --stdio")
			}
			p, err := readPolicy(file)
			if err != nil {
				return err
			}
			return eval.Serve(cmd.InOrStdin(), cmd.OutOrStdout(), p)
		},
	}
	cmd.Flags().StringVar(&file, "policy", "", "the policy as JSON, as `godwit policy get` prints it")
	cmd.Flags().BoolVar(&stdio, "stdio", false, "talk on standard input and output (required)")
	return cmd
}

// readPolicy reads a policy document; no file is no policy.
func readPolicy(file string) (*policy.Policy, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // no file is no error
	}
	document, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	p, err := policy.Parse(document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &p, nil
}
