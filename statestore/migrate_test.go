package statestore_test

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/godwit/godwit/migrations"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// shape describes every table, column, index and constraint of the schema.
func shape(t *testing.T, url string) string {
	t.Helper()
	conn := must(pgx.Connect(t.Context(), url))(t)
	defer conn.Close(context.Background())
	rows := must(conn.Query(t.Context(), `
		SELECT format('column %s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
		  FROM information_schema.columns WHERE table_schema = current_schema()
		UNION ALL SELECT replace(indexdef, current_schema() || '.', '') FROM pg_indexes WHERE schemaname = current_schema()
		UNION ALL SELECT format('constraint %s on %s: %s', conname, conrelid::regclass, pg_get_constraintdef(oid))
		  FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
		UNION ALL SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace
		ORDER BY 1`))(t)
	lines := must(pgx.CollectRows(rows, pgx.RowTo[string]))(t)
	return strings.Join(lines, "\n")
}

func TestEveryMigrationHasAWayBack(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	before := map[uint]string{}
	steps := migrations.Steps()
	for i, v := range steps {
		if i > 0 {
			before[steps[i-1]] = shape(t, url)
		}
		if err := statestore.Migrate(t.Context(), url, v); err != nil {
			t.Fatalf("up to %d: %v", v, err)
		}
	}
	latest := shape(t, url)
	for _, v := range slices.Backward(steps[:len(steps)-1]) {
		if err := statestore.Migrate(t.Context(), url, v); err != nil {
			t.Fatalf("down to %d: %v", v, err)
		}
		wantEqual(t, shape(t, url), before[v])
	}
	if err := statestore.Migrate(t.Context(), url, 0); err != nil {
		t.Fatal(err)
	}
	if left := shape(t, url); strings.Contains(left, "leader") {
		t.Fatalf("left behind:\n%s", left)
	}
	if err := statestore.Migrate(t.Context(), url, migrations.Latest); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, shape(t, url), latest)
}

func TestMigrationFilesComeInPairs(t *testing.T) {
	t.Parallel()
	up := must(fs.Glob(migrations.Files, "*.up.sql"))(t)
	for i, name := range up {
		if step := migrations.Steps()[i]; !strings.HasPrefix(name, fmt.Sprintf("%04d_", step)) || i > 0 && step == migrations.Steps()[i-1] {
			t.Errorf("%s is not a step of its own", name)
		}
		if _, err := fs.Stat(migrations.Files, strings.Replace(name, ".up.", ".down.", 1)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManagersThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	key := statestore.GenerateMasterKey()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := statestore.Open(t.Context(), statestore.Config{DatabaseURL: url, MasterKey: key, MaxConns: 2})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestSchemaOfANewerBuildIsLeftAlone(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	if err := statestore.Migrate(t.Context(), url, migrations.Latest); err != nil {
		t.Fatal(err)
	}
	before := shape(t, url)
	for _, state := range []string{
		fmt.Sprintf(`UPDATE schema_migrations SET version = %d`, migrations.Latest+1),
		fmt.Sprintf(`UPDATE schema_migrations SET version = %d, dirty = true`, migrations.Latest-1),
	} {
		sql(t, url, state)
		_, err := statestore.Open(t.Context(), statestore.Config{DatabaseURL: url, MasterKey: statestore.GenerateMasterKey()})
		wantErr(t, err, statestore.ErrSchema)
		wantErr(t, statestore.Migrate(t.Context(), url, 0), statestore.ErrSchema)
		wantEqual(t, shape(t, url), before)
	}
}
