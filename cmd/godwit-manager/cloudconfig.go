package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/godwit/godwit/provisioner/cloudinit"
)

// machines are where a manager's user data may go, by what --cloud calls them.
var machines = map[string]cloudinit.Cloud{"aws": cloudinit.EC2, "azure": cloudinit.Azure, "gcp": cloudinit.GCE, "none": cloudinit.NoCloud}

func newCloudConfigCommand() *cobra.Command {
	var m cloudinit.Manager
	var cloud, script, postgres string
	var programs []string
	cmd := &cobra.Command{
		Use:   "cloud-config [flags] [-- flags of serve]",
		Short: "Print the user data of a machine that becomes a manager",
		Long: "Prints what to give a new machine of any image with cloud-init and systemd as user data. At its first boot the machine\n" +
			"fetches the programs (or has them in its image), runs the first-boot script, and starts the manager as a service of\n" +
			"systemd with the flags that stand behind --. The link for the first administrator is then in its journal\n" +
			"(journalctl -u godwit-manager) and on its serial console.",
		Example: "  godwit-manager cloud-config --cloud aws \\\n" +
			"    --program godwit-manager=https://files.example.org/godwit-manager#sha256=4f0c… \\\n" +
			"    --program godwit-node-linux-amd64=https://files.example.org/godwit-node#sha256=9a11… \\\n" +
			"    -- --public-url https://transfer.example.org:8443 --aws-regions eu-central-1 >user-data",
		RunE: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); len(args) > 0 && at != 0 {
				return fmt.Errorf("%q is no flag: those of serve stand behind --", args[0])
			}
			c, known := machines[cloud]
			if !known {
				return fmt.Errorf("--cloud %q is none of aws, azure, gcp, none", cloud)
			}
			for _, text := range programs {
				p, err := cloudinit.ParseProgram(text)
				if err != nil {
					return fmt.Errorf("--program: %w", err)
				}
				m.Programs = append(m.Programs, p)
			}
			switch postgres {
			case "package":
				m.InstallPostgres = m.DatabaseURL == ""
			case "image":
			default:
				return fmt.Errorf("--postgres %q is neither package nor image", postgres)
			}
			var err error
			if m.LowPorts, err = lowPorts(args); err != nil {
				return err
			}
			if script != "" {
				text, err := os.ReadFile(script)
				if err != nil {
					return fmt.Errorf("--first-boot-script: %w", err)
				}
				m.FirstBootScript = string(text)
			}
			m.Args = args
			data, err := cloudinit.RenderManager(c, m)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(data)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&cloud, "cloud", "none", "aws, azure or gcp, whose limits the user data must fit (compressed where that is needed); none: another, or NoCloud")
	f.StringArrayVar(&programs, "program", nil, "NAME=URL#sha256=HEX: program to fetch into /usr/bin: godwit-manager, without which the image must have it, and godwit-node-linux-ARCH, which nodes fetch from the manager. May be given several times")
	f.StringVar(&m.DatabaseURL, "database-url", "", "an external Postgres, postgres://…; a password in it can be read by whoever may read user data. Default: the manager runs its own")
	f.StringVar(&postgres, "postgres", "package", "where the manager's own Postgres comes from: package, the distribution's; image, it is there")
	f.StringVar(&script, "first-boot-script", "", "file with a script that runs as root before the manager starts, once; if it fails, the manager does not start")
	f.IntVar(&m.JournalMB, "journal-mb", 500, "the most that the machine's logs take on disk, in MB")
	return cmd
}

// lowPorts looks at flags of serve before a machine boots with them: whether they
// are such, and whether a port below 1024 is listened on.
func lowPorts(args []string) (bool, error) {
	serve := newServeCommand()
	if err := serve.ParseFlags(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return false, errors.New("flags of serve: with -h it would print its help and end; godwit-manager serve --help prints them here")
		}
		return false, fmt.Errorf("flags of serve: %w", err)
	}
	if rest := serve.Flags().Args(); len(rest) > 0 {
		return false, fmt.Errorf("flags of serve: %q is none", rest[0])
	}
	low := false
	serve.Flags().Visit(func(f *pflag.Flag) {
		if !strings.HasSuffix(f.Name, "listen") {
			return
		}
		_, port, err := net.SplitHostPort(f.Value.String())
		n, bad := strconv.Atoi(port)
		low = low || err == nil && bad == nil && n > 0 && n < 1024
	})
	return low, nil
}
