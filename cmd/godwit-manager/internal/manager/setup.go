package manager

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/identity/pin"
	"github.com/godwit/godwit/statestore"
)

// setupLife is how long a set-up link works.
const setupLife = 24 * time.Hour

// setupLink makes a one-time link to become administrator.
func setupLink(ctx context.Context, store *statestore.Store, public string) (string, error) {
	token := secret.New("")
	err := store.Tx(ctx, func(tx *statestore.Tables) error {
		if err := tx.SetupTokens.Create(ctx, statestore.Secret(token), statestore.RoleAdmin, setupLife); err != nil {
			return err
		}
		return tx.Audit.Append(ctx, statestore.AuditEntry{Actor: "system", Action: "create", Object: "setup_link"})
	})
	if err != nil {
		return "", fmt.Errorf("set-up link: %w", err)
	}
	return public + "/setup#token=" + token, nil
}

// greet prints how the command line signs in and, while there is no user, the set-up link. The link is a credential: it goes
// to out alone.
func (m *manager) greet(ctx context.Context, out io.Writer) error {
	if _, err := fmt.Fprintf(out, "Console: %s\nSign in by command line: godwit login '%s'\n", m.public, pin.URL(m.public, m.identity.Pin())); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	n, err := m.store.Users.Count(ctx)
	if err != nil || n > 0 {
		return err
	}
	link, err := setupLink(ctx, m.store, m.public)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "Open this link to create the first administrator (valid %s, once): %s\n", setupLife, link); err != nil {
		return fmt.Errorf("set-up link: %w", err)
	}
	m.log.Info("set-up link printed")
	return nil
}
