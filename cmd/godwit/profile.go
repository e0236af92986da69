package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/internal/atomicfile"
	"github.com/godwit/godwit/internal/version"
)

// Profile is one stored sign-in.
type Profile struct {
	// Manager is the address with the pin: https://host:port#sha256=….
	Manager string `json:"manager"`
	// Token is an API token, for administration.
	Token string `json:"token,omitempty"`
	// TokenID names the token when login made it, so that logout deletes it.
	TokenID string `json:"token_id,omitempty"`
	// AccessKey and Secret are a tenant's, for transfers.
	AccessKey string `json:"access_key,omitempty"`
	Secret    string `json:"secret,omitempty"`
}

// profiles is the file that holds them: readable by its owner only.
type profiles struct {
	Current  string             `json:"current"`
	Profiles map[string]Profile `json:"profiles"`
}

const defaultProfile = "default"

func profilesPath() (string, error) {
	if p := os.Getenv("GODWIT_CONFIG"); p != "" {
		return p, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no place for profiles: %w; set GODWIT_CONFIG to a file", err)
	}
	return filepath.Join(dir, "godwit", "profiles.json"), nil
}

func readProfiles() (profiles, string, error) {
	ps := profiles{Profiles: map[string]Profile{}}
	path, err := profilesPath()
	if err != nil {
		return ps, "", err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ps, path, nil
	}
	if err != nil {
		return ps, path, fmt.Errorf("profiles: %w", err)
	}
	if err := json.Unmarshal(b, &ps); err != nil {
		return ps, path, fmt.Errorf("profiles in %s: %w; mend or remove the file", path, err)
	}
	if ps.Profiles == nil {
		ps.Profiles = map[string]Profile{}
	}
	return ps, path, nil
}

// write replaces the file in one step: a crash leaves the old one.
func (ps profiles) write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	b, err := json.MarshalIndent(ps, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, append(b, '\n')); err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	return nil
}

// loadProfile returns the named profile, or the current one; environment
// variables go before what is stored, so that scripts need no file.
func loadProfile(name string) (Profile, error) {
	ps, path, err := readProfiles()
	if err != nil {
		return Profile{}, err
	}
	if name == "" {
		name = os.Getenv("GODWIT_PROFILE")
	}
	named := name != ""
	if !named {
		name = ps.Current
	}
	p, found := ps.Profiles[name]
	if named && !found {
		return Profile{}, usagef("there is no profile %q in %s; godwit login --profile %s makes it", name, path, name)
	}
	for _, o := range []struct {
		env string
		to  *string
	}{{"GODWIT_MANAGER", &p.Manager}, {"GODWIT_TOKEN", &p.Token}, {"GODWIT_ACCESS_KEY", &p.AccessKey}, {"GODWIT_SECRET", &p.Secret}} {
		if v := os.Getenv(o.env); v != "" {
			*o.to = v
		}
	}
	if p.Manager == "" {
		return Profile{}, authError{errors.New("not signed in to any manager; start with: godwit login https://HOST:PORT#sha256=…")}
	}
	return p, nil
}

func profileNames() []string {
	ps, _, err := readProfiles()
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(ps.Profiles))
	for n := range ps.Profiles {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// client signs in with the API token, or as the tenant where there is none.
func (p Profile) client() (*client.Client, error) {
	if p.Token == "" && p.AccessKey != "" {
		return p.tenant()
	}
	c, err := client.New(p.Manager, client.WithToken(p.Token))
	if err != nil {
		return nil, usageError{err}
	}
	c.UserAgent = "godwit/" + version.Version
	return c, nil
}

// tenant signs in as the tenant, or by API token where there is no access key.
func (p Profile) tenant() (*client.Client, error) {
	if p.AccessKey == "" {
		return p.client()
	}
	c, err := client.New(p.Manager, client.WithAccessKey(p.AccessKey, p.Secret))
	if err != nil {
		return nil, usageError{err}
	}
	c.UserAgent = "godwit/" + version.Version
	return c, nil
}
