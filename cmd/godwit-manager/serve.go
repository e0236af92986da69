package main

import (
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/godwit/godwit/cmd/godwit-manager/internal/clouds"
	"github.com/godwit/godwit/cmd/godwit-manager/internal/manager"
	"github.com/godwit/godwit/internal/version"
)

// databaseEnv are the environment variables that may name the database: they keep its password off the command line.
var databaseEnv = []string{"GODWIT_DATABASE_URL", "DATABASE_URL"}

// storeFlags are those of every command that opens the state store.
func storeFlags(f *pflag.FlagSet, c *manager.Config) {
	f.StringVar(&c.Data, "data", "", "directory with all state of this manager (required)")
	f.StringVar(&c.DatabaseURL, "database-url", "", "an external Postgres, postgres://…; default: $"+strings.Join(databaseEnv, " or $")+", else a private one below --data")
}

func newServeCommand() *cobra.Command {
	c := manager.Config{Version: version.Version}
	var level, format string
	var in clouds.Config
	cmd := &cobra.Command{
		Use:   "serve --data DIR",
		Short: "Run the manager",
		Long: "Runs the manager until it is told to stop (SIGTERM or Ctrl-C). All state is in the data directory, or in the database\n" +
			"that --database-url names; started again on it, the manager goes on where it was. While there is no user yet, it\n" +
			"prints a link with which the first administrator signs up.",
		Example: "  godwit-manager serve --data /var/lib/godwit/manager\n" +
			"  godwit-manager serve --data ./data --listen 0.0.0.0:8443 --public-url https://transfer.example.org:8443",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, l, err := newLog(level, format)
			if err != nil {
				return err
			}
			c.Log, c.Level, c.Out = log, l, cmd.OutOrStdout()
			database(&c)
			c.Console = console()
			if c.Providers, err = clouds.Open(cmd.Context(), in, log); err != nil {
				return err
			}
			if c.DNSDestinations, err = clouds.OpenNames(in); err != nil {
				return err
			}
			// The live picture of a large fleet is a gigabyte that lives: collecting half as often saves a tenth of a core
			// at 10,000 nodes. The environment's GOGC goes before.
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(200)
			}
			return manager.Run(cmd.Context(), c)
		},
	}
	f := cmd.Flags()
	storeFlags(f, &c)
	f.StringVar(&c.Listen, "listen", manager.DefaultListen, "address of HTTPS: API, console, joining nodes")
	f.StringVar(&c.FleetListen, "fleet-listen", manager.DefaultFleetListen, "address that nodes stay connected to; port 0: any, the same again after a restart")
	f.StringVar(&c.PublicURL, "public-url", "", "where people, clients and nodes reach HTTPS; default: made from --listen")
	f.StringSliceVar(&c.NodeURLs, "node-url", nil, "where nodes reach HTTPS, if not at --public-url; may be given several times; with a --fleet-listen on all addresses, nodes look for the fleet on the same hosts")
	f.StringVar(&c.NodePrograms, "node-programs", "", "directory with godwit-node and godwit-node-linux-ARCH, which machines in clouds fetch when they boot; default: where this program is")
	f.StringVar(&c.DNSListen, "dns-listen", "", "address of the DNS server, UDP and TCP, such as 0.0.0.0:53; default: there is none")
	f.StringVar(&c.DNSZone, "dns-zone", "", "zone that the DNS server is the authority for: cluster prod is prod.ZONE; default "+manager.DefaultDNSZone)
	f.StringVar(&c.DNSNameServer, "dns-name-server", "", "name by which the parent zone delegates to this DNS server; default: ns.ZONE")
	f.DurationVar(&c.DNSTTL, "dns-ttl", 0, "how long clients keep an answer of the DNS server; default 10s")
	f.StringArrayVar(&c.NodeCertificates, "node-certificate", nil, "CLUSTER=CHAIN.pem,KEY.pem: certificate that the cluster's nodes show to clients which look for one of its names; read again when the files change. May be given several times")
	f.StringArrayVar(&c.ACME.Clusters, "acme-cluster", nil, "CLUSTER=NAME[,NAME]: order a certificate for these names of the cluster, and renew it, from an ACME authority that finds the proof in the zones that this manager publishes (DNS-01). May be given several times")
	f.StringArrayVar(&c.ACME.HTTPClusters, "acme-http-cluster", nil, "CLUSTER=NAME[,NAME]: the same, but the nodes to which the names lead answer the authority, on port 80 while an order is under way (HTTP-01): for names in zones that no program may change. May be given several times")
	f.IntVar(&c.ACME.HTTPPort, "acme-http-port", 0, "TCP port at which nodes answer for --acme-http-cluster, where something leads port 80 of the names there; default: 80")
	f.StringVar(&c.ACME.Directory, "acme-directory", "", "directory of the ACME authority; default: Let's Encrypt's, "+manager.DefaultACMEDirectory)
	f.StringVar(&c.ACME.Email, "acme-email", "", "address to which the ACME authority may write")
	f.StringVar(&c.ACME.CAFile, "acme-ca", "", "file with the root certificates, in PEM, that the ACME authority's own HTTPS is trusted by; default: the system's")
	f.BoolVar(&c.ACME.Agreed, "acme-agree", false, "you agree to the ACME authority's terms of service")
	f.StringVar(&c.Slots, "slots", "", "directory in which machines wait for the provider attached (godwit-node attach)")
	in.Flags(f)
	f.StringSliceVar(&c.NodeCommand, "node-command", nil, "program and arguments that start a local node; default: godwit-node beside this program, run")
	f.StringVar(&c.LocalPrograms, "local-programs", "", "directory of node programs that local templates may name (program): versions to upgrade to; default: none")
	f.DurationVar(&c.LocalLease, "local-lease", manager.DefaultLocalLease, "how long local nodes go on without their manager")
	f.DurationVar(&c.LeaderLease, "leader-lease", manager.DefaultLeaderLease, "how long until another manager takes over from a dead leader")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&format, "log-format", "text", "text or json")
	return cmd
}

// database takes the URL from the environment when no flag names one.
func database(c *manager.Config) {
	for _, name := range databaseEnv {
		if c.DatabaseURL == "" {
			c.DatabaseURL = os.Getenv(name)
		}
	}
}

func newLog(level, format string) (*slog.Logger, *slog.LevelVar, error) {
	l := new(slog.LevelVar)
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, nil, fmt.Errorf("--log-level %q is none of debug, info, warn, error", level)
	}
	o := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, o)), l, nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, o)), l, nil
	}
	return nil, nil, fmt.Errorf("--log-format %q is neither text nor json", format)
}

func newMigrateCommand() *cobra.Command {
	var c manager.Config
	cmd := &cobra.Command{
		Use: "migrate --data DIR", Short: "Bring the database to this program's schema, and end", Args: cobra.NoArgs,
		Long: "serve does this by itself; migrate is for those who want it apart, before a new version serves.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			database(&c)
			if err := manager.Migrate(cmd.Context(), c); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "The database is up to date.")
			return err
		},
	}
	storeFlags(cmd.Flags(), &c)
	return cmd
}

func newAdminCommand() *cobra.Command {
	admin := &cobra.Command{Use: "admin", Short: "Help when nobody can sign in"}
	var c manager.Config
	reset := &cobra.Command{
		Use: "reset --data DIR", Short: "Print a new set-up link: it makes an administrator, or gives one a new password", Args: cobra.NoArgs,
		Long: "Works beside a running manager and without one. Only the manager's own user, or root, can do it.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			database(&c)
			link, err := manager.Reset(cmd.Context(), c)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), link)
			return err
		},
	}
	storeFlags(reset.Flags(), &c)
	admin.AddCommand(reset)
	return admin
}
