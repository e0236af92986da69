package statestore

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// DecisionFilter narrows Decisions.List; zero fields match everything.
type DecisionFilter struct {
	ClusterID string
	Kind      DecisionKind
	Code      string    // of one of its reasons
	Action    string    // kind of one of its actions
	Text      string    // words that its reasons hold; each may be cut short
	From, To  time.Time // spans that overlap [From, To)
}

// A plan over thousands of nodes is almost all pools, which no list shows.
const decisionListColumns = `id, cluster_id, policy_version, kind, at, until, count, term, collapse_key, ''::bytea AS snapshot,
	CASE WHEN length(plan::text) > 32768 THEN (plan::jsonb - 'pools')::json ELSE plan END AS plan, reasons, result`

// List pages through decisions, newest first, without snapshots, and without
// the pools of large plans.
func (t Decisions) List(ctx context.Context, f DecisionFilter, p Page) (List[Decision], error) {
	after, err := p.after("decisions")
	if err != nil {
		return List[Decision]{}, err
	}
	q := decisionQuery{args: []any{}}
	q.where(after != "", "id < ?", after)
	q.where(f.ClusterID != "", "cluster_id = ?", f.ClusterID)
	// In words that the index of those that acted has: an action is sought there.
	q.where(f.Kind == DecisionAct || f.Action != "", "kind = 'act'")
	q.where(f.Kind != "" && f.Kind != DecisionAct, "kind = ?", string(f.Kind))
	q.where(f.Code != "", "codes @> ARRAY[?::text]", f.Code)
	q.where(f.Action != "", "actions @> ARRAY[?::text]", f.Action)
	if words := words(f.Text); words != "" {
		q.where(true, "to_tsvector('simple', reasons) @@ to_tsquery('simple', ?)", words)
	} else {
		q.where(f.Text != "", "false") // signs alone are in no index
	}
	// Ids ascend with the time that they carry: the bound that prunes.
	q.where(!f.From.IsZero(), "until >= ?", f.From)
	q.where(!f.To.IsZero(), "at < ?", f.To)
	q.where(!f.To.IsZero(), "id < ?", FirstID(f.To.Add(time.Millisecond)))
	newest := q.clone()
	newest.where(true, `id >= coalesce((SELECT id FROM decisions WHERE (? = '' OR id < ?) AND (? = '' OR cluster_id = ?)
		ORDER BY id DESC OFFSET `+strconv.Itoa(lately)+` LIMIT 1), '')`, after, after, f.ClusterID, f.ClusterID)
	rows, err := t.find(ctx, q, newest, p.limit()+1, f.Text != "")
	return paged("decisions", rows, p.limit(), func(d Decision) string { return d.ID }), err
}

// lately is how many of the newest decisions are looked through for words
// before the index of words is asked.
const lately = 5000

// find runs the query. The planner cannot tell a rare beginning of a word from
// a common one: on the guess that it is common it would read a million rows
// backwards for one that is nowhere. So the newest rows are read backwards, and
// where they do not fill the page the index of words is asked, which is quick
// for what is rare; an order by an expression keeps the planner from walking.
func (t Decisions) find(ctx context.Context, q, newest decisionQuery, limit int, byWords bool) ([]Decision, error) {
	query := func(q decisionQuery, order string) ([]Decision, error) {
		where := q.sql()
		return all[Decision](ctx, t.handle, "decisions",
			`SELECT `+decisionListColumns+` FROM decisions`+where+` ORDER BY `+order+` DESC LIMIT `+q.arg(limit), q.args...)
	}
	if !byWords {
		return query(q, "id")
	}
	rows, err := query(newest, "id")
	if err != nil || len(rows) == limit {
		return rows, err
	}
	return query(q, "id || ''")
}

// At returns the decision of a cluster that was in force at a time, as List
// does: the last that was made by then. ErrNotFound: none was.
func (t Decisions) At(ctx context.Context, clusterID string, at time.Time) (Decision, error) {
	return one[Decision](ctx, t.handle, "decision of cluster "+clusterID,
		`SELECT `+decisionListColumns+` FROM decisions WHERE cluster_id = $1 AND id < $2 AND at <= $3
		 ORDER BY id DESC LIMIT 1`, clusterID, FirstID(at.Add(time.Millisecond)), at)
}

// decisionQuery is a list of conditions that are asked for, so that the planner
// sees none of the others.
type decisionQuery struct {
	conditions []string
	args       []any
}

func (q decisionQuery) clone() decisionQuery {
	return decisionQuery{conditions: slices.Clone(q.conditions), args: slices.Clone(q.args)}
}

// where adds a condition; its ? is the value.
func (q *decisionQuery) where(wanted bool, condition string, value ...any) {
	if !wanted {
		return
	}
	for _, v := range value {
		condition = strings.Replace(condition, "?", q.arg(v), 1)
	}
	q.conditions = append(q.conditions, condition)
}

func (q *decisionQuery) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *decisionQuery) sql() string {
	if len(q.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(q.conditions, " AND ")
}

// words turns what a person typed into a tsquery: every word, or its beginning,
// must be there. Quoted, so that nothing in it is an operator. Empty: no word.
func words(text string) string {
	var terms []string
	for _, w := range strings.Fields(text) {
		if !strings.ContainsFunc(w, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) || !validText(w) {
			continue
		}
		terms = append(terms, "'"+strings.ReplaceAll(strings.ReplaceAll(w, `\`, `\\`), "'", "''")+"':*")
	}
	return strings.Join(terms, " & ")
}
