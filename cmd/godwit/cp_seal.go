package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"filippo.io/age"

	"github.com/godwit/godwit/transfer"
	"github.com/godwit/godwit/transfer/seal"
)

// passphraseEnv holds a passphrase for scripts: unlike an argument, other users of
// the machine cannot see it.
const passphraseEnv = "GODWIT_PASSPHRASE"

// sealing reads what files are encrypted to or decrypted with.
func (fl *copyFlags) sealing(ctx context.Context, s streams, o *transfer.Options) error {
	seals, unseals := fl.encrypt || len(fl.encryptTo) > 0, fl.decrypt || fl.identity != ""
	switch {
	case seals && unseals:
		return usagef("--encrypt and --decrypt exclude each other")
	case fl.encrypt && len(fl.encryptTo) > 0:
		return usagef("files are encrypted with a passphrase or to keys, not both")
	case fl.passphraseFile != "" && !fl.encrypt && !fl.decrypt:
		return usagef("--passphrase-file is for --encrypt and --decrypt")
	case len(fl.encryptTo) > 0:
		return fl.sealTo(o)
	case fl.identity != "":
		if err := fl.unsealBy(o); err != nil {
			return err
		}
	}
	if !fl.encrypt && !fl.decrypt {
		return nil
	}
	pass, err := fl.passphrase(ctx, s, fl.encrypt)
	if err != nil {
		return err
	}
	if fl.encrypt {
		o.Seal, err = seal.ToPassphrase(pass)
		return err
	}
	id, err := age.NewScryptIdentity(pass)
	if err != nil {
		return usageError{err}
	}
	o.Unseal = append(o.Unseal, id)
	return nil
}

// sealTo takes public keys as they are, or from files of them.
func (fl *copyFlags) sealTo(o *transfer.Options) error {
	var to []age.Recipient
	for _, s := range fl.encryptTo {
		text := io.Reader(strings.NewReader(s))
		if !strings.HasPrefix(s, "age1") {
			f, err := os.Open(s)
			if err != nil {
				return usagef("--encrypt-to %s: neither a key, which begins with age1, nor a file of keys: %v", s, err)
			}
			defer f.Close()
			text = f
		}
		list, err := age.ParseRecipients(text)
		if err != nil {
			return usagef("--encrypt-to %s: %v", s, err)
		}
		to = append(to, list...)
	}
	var err error
	o.Seal, err = seal.To(to...)
	return err
}

func (fl *copyFlags) unsealBy(o *transfer.Options) error {
	f, err := os.Open(fl.identity)
	if err != nil {
		return usagef("--identity: %v", err)
	}
	defer f.Close()
	if o.Unseal, err = age.ParseIdentities(f); err != nil {
		return usagef("--identity %s: %v", fl.identity, err)
	}
	return nil
}

// passphrase asks, unless a file or the environment has it. twice guards against
// slips where nobody could decrypt what was encrypted with one.
func (fl *copyFlags) passphrase(ctx context.Context, s streams, twice bool) (string, error) {
	if fl.passphraseFile != "" {
		b, err := os.ReadFile(fl.passphraseFile)
		if err != nil {
			return "", usagef("--passphrase-file: %v", err)
		}
		first, _, _ := strings.Cut(string(b), "\n")
		if first = strings.TrimRight(first, "\r"); first == "" {
			return "", usagef("--passphrase-file %s: its first line is empty", fl.passphraseFile)
		}
		return first, nil
	}
	if pass := os.Getenv(passphraseEnv); pass != "" {
		return pass, nil
	}
	tty := terminalOf(s.in)
	if tty == nil {
		return "", usagef("there is no terminal to ask for the passphrase: give --passphrase-file, or %s in the environment", passphraseEnv)
	}
	pass, err := prompt(ctx, tty, s.err, "Passphrase: ", true)
	if err == nil && pass == "" {
		err = errors.New("an empty passphrase protects nothing")
	}
	if err != nil || !twice {
		return pass, err
	}
	again, err := prompt(ctx, tty, s.err, "Once more: ", true)
	if err == nil && again != pass {
		err = usagef("the two differ")
	}
	return pass, err
}
