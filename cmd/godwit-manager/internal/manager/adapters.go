package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/mixed"
)

// placer gives access the reconciler's choice of nodes.
type placer struct{ r *cluster.Reconciler }

// Place gives one node. Those that just failed the client come last: when they are all there is, one of them is better
// than none, for it may be back.
func (p placer) Place(ctx context.Context, clusterID string, without []string) (access.Place, error) {
	choices, err := p.r.Best(ctx, clusterID, 1, without...)
	var refusal *policy.Refusal
	switch {
	case errors.As(err, &refusal):
		return access.Place{}, &access.NoCapacity{RetryAfter: refusal.RetryAfter, Reason: refusal.Text}
	case err != nil:
		return access.Place{}, err
	case len(choices) == 0:
		return access.Place{}, &access.NoCapacity{}
	}
	best := choices[0]
	return access.Place{NodeID: best.NodeID, NodeName: best.Name, Host: best.Address, Port: best.Port, CertSHA256: best.CertSHA256}, nil
}

// questions answers what the API asks of clusters and providers.
type questions struct {
	*cluster.Reconciler
	providers map[string]provisioner.Provider
}

// Validate asks the provider. Unknown providers are a fault of the template.
func (q questions) Validate(ctx context.Context, provider string, spec json.RawMessage) ([]api.Invalid, error) {
	validate := func(ctx context.Context, spec json.RawMessage) ([]provisioner.FieldError, error) {
		return mixed.Validate(ctx, spec, q.providers)
	}
	if p := q.providers[provider]; p != nil {
		validate = p.Validate
	} else if provider != mixed.Name {
		return []api.Invalid{{Location: "provider", Message: fmt.Sprintf("%q is not known here; there is %s. Others are turned on by flags of godwit-manager serve",
			provider, strings.Join(q.Providers(), ", "))}}, nil
	}
	faults, err := validate(ctx, spec)
	if err != nil {
		return uncheckable(provider, err)
	}
	out := make([]api.Invalid, 0, len(faults))
	for _, f := range faults {
		field := "spec"
		if f.Field != "" {
			field += "." + f.Field
		}
		out = append(out, api.Invalid{Location: field, Message: f.Problem})
	}
	return out, nil
}

// Providers are those that were turned on, and mixed, which offers them side by side.
func (q questions) Providers() []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(q.providers)), mixed.Name)))
}

// uncheckable is what to say of a template that its provider could not check:
// refused credentials are nothing that the same request overcomes.
func uncheckable(provider string, err error) ([]api.Invalid, error) {
	if provisioner.Interrupted(err) {
		return nil, err
	}
	what := fmt.Sprintf("%s cannot check the template: %v", provider, err)
	if provisioner.ClassOf(err) == provisioner.Unauthorized {
		return []api.Invalid{{Location: "provider", Message: what + ". Give the manager credentials with the rights of the provider's policy"}}, nil
	}
	return nil, &api.Problem{
		Type: "/problems/provider-unavailable", Title: http.StatusText(http.StatusServiceUnavailable), Status: http.StatusServiceUnavailable,
		Code: "provider_unavailable", Detail: what + "; nothing was changed, try again",
	}
}

// Parts are a template's offerings.
func (q questions) Parts(provider string, spec json.RawMessage) []api.TemplatePart {
	if provider != mixed.Name {
		return []api.TemplatePart{{Provider: provider, Spec: spec}}
	}
	t, faults := mixed.Parse(spec)
	if len(faults) > 0 {
		return nil
	}
	parts := make([]api.TemplatePart, len(t.Offerings))
	for i, o := range t.Offerings {
		parts[i] = api.TemplatePart{Name: o.Name, Provider: o.Provider, Spec: o.Spec, Terms: o.Terms()}
	}
	return parts
}

// Effect is the provider's word; of an unknown one, the most that it can be.
func (q questions) Effect(provider, field string) string {
	if p := q.providers[provider]; p != nil {
		return string(provisioner.EffectOf(p, field))
	}
	return string(provisioner.Replace)
}

// door is where nodes come in.
type door struct{ m *manager }

func (d door) URLs() []string { return d.m.config.nodeURLs(d.m.public) }

func (d door) Programs() map[string]string { return d.m.programs.sums() }
