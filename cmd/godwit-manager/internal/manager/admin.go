package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// The running manager listens for its own administrator on a socket in a directory that only its user can enter. Who
// can reach it could as well read the database.
const (
	adminDir    = "run"
	adminSocket = "admin.sock"
	adminReset  = "/setup-link"
)

// adminPath is the socket's path by way of an open directory: socket paths end at 107 bytes, data directories need not.
func adminPath(dir *os.File) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), adminSocket)
}

// openAdmin makes the socket anew.
func openAdmin(ctx context.Context, data string) (net.Listener, func() error, error) {
	path := filepath.Join(data, adminDir)
	if err := errors.Join(os.MkdirAll(path, 0o700), os.Chmod(path, 0o700)); err != nil {
		return nil, nil, fmt.Errorf("administrator's socket: %w", err)
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("administrator's socket: %w", err)
	}
	if err := os.Remove(filepath.Join(path, adminSocket)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, errors.Join(fmt.Errorf("administrator's socket: %w", err), dir.Close())
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", adminPath(dir))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("administrator's socket: %w", err), dir.Close())
	}
	return l, dir.Close, nil
}

// adminHandler answers on the socket.
func (m *manager) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+adminReset, func(w http.ResponseWriter, r *http.Request) {
		link, err := setupLink(r.Context(), m.store, m.public)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		m.log.Info("set-up link printed", "by", "admin reset")
		_ = json.NewEncoder(w).Encode(map[string]string{"link": link}) // a caller that left asks again
	})
	return mux
}

// Reset makes a new set-up link: through the manager that runs on the data directory, or, when none does, by opening
// the state store itself for the moment.
func Reset(ctx context.Context, c Config) (string, error) {
	if err := c.complete(); err != nil {
		return "", err
	}
	if info, err := os.Stat(c.Data); err != nil || !info.IsDir() {
		return "", fmt.Errorf("there is no manager's data directory at %s", c.Data)
	}
	data, err := openData(c.Data)
	if errors.Is(err, ErrLocked) {
		return askRunning(ctx, c.Data)
	}
	if err != nil {
		return "", err
	}
	defer data.close() //nolint:errcheck // the process ends next
	store, err := openStore(ctx, data.path, c.DatabaseURL, c.Log, time.Now)
	if err != nil {
		return "", err
	}
	public := c.PublicURL
	if public == "" {
		if f, err := ReadFacts(data.path); err == nil {
			public = f.URL
		} else {
			public = "https://" + c.Listen
		}
	}
	link, err := setupLink(ctx, store, public)
	return link, errors.Join(err, store.Close())
}

func askRunning(ctx context.Context, data string) (string, error) {
	dir, err := os.Open(filepath.Join(data, adminDir))
	if err != nil {
		return "", fmt.Errorf("the manager that runs on %s cannot be asked; are you its user? %w", data, err)
	}
	defer dir.Close()
	client := http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", adminPath(dir))
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://manager"+adminReset, http.NoBody)
	if err != nil {
		return "", fmt.Errorf("set-up link: %w", err)
	}
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("the running manager does not answer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10)) // for the message only
		return "", fmt.Errorf("the running manager refused: %s", text)
	}
	var answer struct {
		Link string `json:"link"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return "", fmt.Errorf("the running manager's answer: %w", err)
	}
	return answer.Link, nil
}

// Migrate brings the database of a data directory to this program's schema and ends; serve does the same by itself.
func Migrate(ctx context.Context, c Config) error {
	if err := c.complete(); err != nil {
		return err
	}
	data, err := openData(c.Data)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, data.path, c.DatabaseURL, c.Log, time.Now)
	if err != nil {
		return errors.Join(err, data.close())
	}
	return errors.Join(store.Close(), data.close())
}
