package main

import (
	"context"
	"os"
	"path"
	"strings"

	"github.com/spf13/pflag"

	"github.com/godwit/godwit/cmd/godwit/internal/channel"
	"github.com/godwit/godwit/transfer"
)

// sshFlags say how machines are reached over ssh.
type sshFlags struct {
	command string
	remote  string
}

func (fl *sshFlags) add(f *pflag.FlagSet) {
	usual := os.Getenv("GODWIT_SSH")
	if usual == "" {
		usual = "ssh"
	}
	f.StringVar(&fl.command, "ssh", usual, "ssh command with its options, for USER@HOST:PATH; GODWIT_SSH sets another default")
	f.StringVar(&fl.remote, "remote-godwit", "", "godwit on the far machine (default: the one in its PATH)")
}

// over makes sessions that are carried over ssh to the host of l.
func (fl sshFlags) over(s streams, l location) (specSource, error) {
	words, err := channel.Split(fl.command)
	switch {
	case err != nil:
		return specSource{}, usagef("--ssh %q is no command: %v", fl.command, err)
	case len(words) == 0:
		return specSource{}, usagef("the ssh command is empty: give it by --ssh or GODWIT_SSH, or leave both out")
	}
	d := &channel.Dialer{Host: l.ssh, Command: words, Remote: fl.remote, Stderr: s.err}
	spec := transfer.Spec{
		Version: transfer.SpecVersion, NodeName: l.ssh.String(), Host: bare(l.ssh.Name), Port: 22,
		Token: "ssh", // which has authenticated both ends: the far side asks for nothing else
	}
	var ahead *transfer.Channel // opened before the job began
	return specSource{
		next: func(context.Context, transfer.Attempt) (transfer.Spec, error) { return spec, nil },
		dial: func(ctx context.Context, _ transfer.Spec) (transfer.Channel, error) {
			if c := ahead; c != nil {
				ahead = nil
				return *c, nil
			}
			return d.Dial(ctx)
		},
		ready: func(ctx context.Context) error {
			c, err := d.Dial(ctx)
			if err == nil {
				ahead = &c
			}
			return err
		},
		giveUp: func(context.Context) {
			if ahead != nil {
				_ = ahead.Conn.Close()
			}
		},
	}, nil
}

func bare(host string) string { return host[strings.LastIndexByte(host, '@')+1:] }

// homePath is how a path behind an ssh host travels: from the root of the file
// system, or from the home directory as ~/…; what has neither name means the
// contents.
func homePath(p string) (string, error) {
	slash := p == "" || strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.")
	root := "/"
	rest, home := strings.CutPrefix(p, "~/")
	switch {
	case strings.HasPrefix(p, "/~"):
		return "", usagef("%s: names at the root that begin with ~ cannot be addressed over ssh", p)
	case strings.HasPrefix(p, "/"):
	case home || p == "~" || !strings.HasPrefix(p, "~"):
		root = "~/"
		if p == "~" {
			rest = ""
		}
	default:
		return "", usagef("%s: write /home/…: another user's home directory is not looked up", p)
	}
	rest = path.Clean(rest)
	if root == "~/" && (rest == ".." || strings.HasPrefix(rest, "../")) {
		return "", usagef("%s leads out of the home directory: write the path from the root", p)
	}
	if rest = strings.TrimPrefix(rest, "/"); rest == "." || rest == "" {
		return root, nil
	}
	if slash {
		rest += "/"
	}
	return root + rest, nil
}
