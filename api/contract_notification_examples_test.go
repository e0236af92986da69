package api_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/godwit/godwit/notify"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

var notificationExamples = map[string]func(*scene) ask{
	"list-notifications": func(s *scene) ask { s.notification(); return ask{} },
	"create-notification": func(s *scene) ask {
		return ask{body: fmt.Sprintf(`{"name":%q,"kind":"webhook","target":{"url":"https://example.org/hook"},"filter":{"events":["opened"]}}`, s.name("hook"))}
	},
	"get-notification":    func(s *scene) ask { return ask{at: at{"notification": s.notification().Name}} },
	"update-notification": func(s *scene) ask { return ask{at: at{"notification": s.notification().ID}, body: `{"enabled":false}`} },
	"delete-notification": func(s *scene) ask { return ask{at: at{"notification": s.notification().ID}} },
	"test-notification":   func(s *scene) ask { return ask{at: at{"notification": s.notification().ID}} },
	"retry-notification":  func(s *scene) ask { return ask{at: at{"notification": s.notification().ID}} },
	"list-deliveries":     func(s *scene) ask { return ask{at: at{"notification": s.notification().ID}} },

	"get-log-levels": func(*scene) ask { return ask{} },
	"put-log-levels": func(s *scene) ask {
		return ask{body: fmt.Sprintf(`{"manager":"info","nodes":"warn","overrides":[{"node":%q,"level":"debug","until":%q}]}`,
			s.node().ID, s.clock.Now().Add(time.Hour).Format(time.RFC3339))}
	},

	"list-node-services": func(s *scene) ask { return ask{at: at{"node": s.heard().ID}} },
	"restart-node-service": func(s *scene) ask {
		return ask{at: at{"node": s.heard().ID, "service": "transfer"}, body: `{"reason":"tidy up"}`}
	},
	"list-node-sessions": func(s *scene) ask { return ask{at: at{"node": s.heard().ID}} },
	"get-node-console": func(s *scene) ask {
		n := s.node()
		_, err := s.store.Nodes.Transition(s.t.Context(), storetest.Term(s.t, s.store), n.ID, statestore.NodeStates(), n.State, "launched",
			func(n *statestore.Node) { n.InstanceID = "i-" + n.ID })
		if err == nil {
			_, err = s.store.Consoles.Ask(s.t.Context(), n.ID)
		}
		if err == nil {
			err = s.store.Consoles.Answer(s.t.Context(), n.ID, []byte("booted"), "")
		}
		if err != nil {
			s.t.Fatal(err)
		}
		return ask{at: at{"node": n.ID}}
	},
}

// notification is a new one, of a receiver that is not there.
func (s *scene) notification() statestore.Notification {
	s.t.Helper()
	target, err := json.Marshal(notify.Target{URL: "https://127.0.0.1:1/hook"})
	if err != nil {
		s.t.Fatal(err)
	}
	n, err := s.store.Notifications.Create(s.t.Context(), statestore.Notification{
		Name: s.name("hook"), Kind: notify.Webhook, Enabled: true, Target: target, Filter: []byte(`{}`),
	}, statestore.Secret(notify.NewSecret()))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// heard is a node that reports.
func (s *scene) heard() statestore.Node {
	s.t.Helper()
	n := s.node()
	s.reports(n.ID, 1)
	return n
}
