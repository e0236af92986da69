package api_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/godwit/godwit/api"
)

// blind are edits that need no If-Match, each with its reason.
var blind = map[string]string{
	"change-password": "it names the password before, which does as well",
	"update-transfer": "the rate of a running transfer is not stored to be edited; the newest wish counts",
}

func declares(op *huma.Operation, header string) *huma.Param {
	i := slices.IndexFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "header" && p.Name == header })
	if i < 0 {
		return nil
	}
	return op.Parameters[i]
}

func TestEveryEditAsksForTheVersionItWasMadeFrom(t *testing.T) {
	t.Parallel()
	for _, op := range operations(api.Document()) {
		if op.Method != http.MethodPut && op.Method != http.MethodPatch || blind[op.OperationID] != "" {
			continue
		}
		if p := declares(op, "If-Match"); p == nil || !p.Required {
			t.Errorf("%s takes no required If-Match: of two who edit at once, one would lose their change", op.OperationID)
		}
	}
}

func TestEveryPostThatDoesSomethingMayBeRepeated(t *testing.T) {
	t.Parallel()
	for _, op := range operations(api.Document()) {
		does := op.Method == http.MethodPost && op.Extensions["x-godwit-pure"] != true && op.Extensions["x-godwit-role"] != string(api.RolePublic)
		if (declares(op, "Idempotency-Key") != nil) != does {
			t.Errorf("%s: Idempotency-Key is declared: %v, does something: %v", op.OperationID, !does, does)
		}
	}
}
