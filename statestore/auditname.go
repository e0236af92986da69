package statestore

import (
	"context"
	"strings"
	"time"
)

// AuditNames are the names of what entries are about and of who made them, by id.
type AuditNames map[string]string

// Object is the name of what the entry is about; "" where it has none.
func (n AuditNames) Object(e AuditEntry) string { return n[e.ObjectID] }

// Actor is the name of the access key that made the entry; "" for anybody else,
// whom the entry names itself.
func (n AuditNames) Actor(e AuditEntry) string { return n[keyOf(e)] }

// keyOf is the access key that made an entry; "" for anybody else.
func keyOf(e AuditEntry) string {
	id, found := strings.CutPrefix(e.Actor, "key:")
	if !found {
		return ""
	}
	return id
}

// Names finds what the things in entries are called now; of what is gone, what it
// was called last, as the audit itself has it. What hangs on a cluster, such as
// its policy, has the cluster's id and so its name.
func (a Audit) Names(ctx context.Context, entries []AuditEntry) (AuditNames, error) {
	var ids, kinds []string
	var days []time.Time
	for _, e := range entries {
		ids, kinds = append(ids, e.ObjectID, e.ObjectID), append(kinds, e.Object, "cluster")
		if key := keyOf(e); key != "" {
			ids, kinds = append(ids, key), append(kinds, "access_key")
		}
		if day, err := dayOf(e.ObjectID); err == nil && e.Object == "transfer" {
			days = append(days, day)
		}
	}
	// Of what lives the audit is not searched: it may have very many entries.
	rows, err := all[struct{ ID, Name string }](ctx, a.handle, "names of the audit", `
		WITH living AS (
			SELECT id, name FROM (
				SELECT id, name FROM clusters UNION ALL SELECT id, name FROM templates UNION ALL SELECT id, name FROM nodes
				UNION ALL SELECT id, name FROM access_keys UNION ALL SELECT id, name FROM users UNION ALL SELECT id, name FROM api_tokens
				UNION ALL SELECT id, name FROM sign_in_providers UNION ALL SELECT id, name FROM notifications
			) AS things WHERE id = ANY ($1)
			UNION ALL SELECT id, name FROM transfers WHERE day = ANY ($3::date[]) AND id = ANY ($1)
		)
		SELECT id, name FROM living
		UNION ALL
		SELECT gone.id, latest.name FROM (SELECT DISTINCT id, kind FROM unnest($1::text[], $2::text[]) AS t (id, kind)) AS gone
		CROSS JOIN LATERAL (
			SELECT COALESCE(after ->> 'name', before ->> 'name') AS name FROM audit
			WHERE object = gone.kind AND object_id = gone.id AND COALESCE(after ->> 'name', before ->> 'name') <> ''
			ORDER BY audit.id DESC LIMIT 1
		) AS latest
		WHERE gone.id NOT IN (SELECT id FROM living)`, ids, kinds, days)
	names := AuditNames{}
	for _, r := range rows {
		names[r.ID] = r.Name
	}
	return names, err
}
