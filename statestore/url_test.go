package statestore

import (
	"strings"
	"testing"
)

func TestAnotherKindOfDatabaseIsRefusedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"mysql://root:hunter2@db/godwit", "sqlite:///var/godwit.db"} {
		for name, open := range map[string]func(string) error{
			"open":    func(u string) error { return (&Store{}).open(t.Context(), Config{DatabaseURL: u}, nil) },
			"migrate": func(u string) error { return Migrate(t.Context(), u, 0) },
		} {
			if err := open(url); err == nil || !strings.Contains(err.Error(), "postgres://USER@HOST/DATABASE") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s %s: %v", name, url, err)
			}
		}
	}
	for _, url := range []string{"postgres:///godwit?host=/run", "postgresql://h/d", "host=/run dbname=godwit", "host=h password=a://b"} {
		if err := isPostgres(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}
