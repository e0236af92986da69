// Package systemd holds the units with which Godwit's services run, as they are
// packaged and as a node that boots in a cloud installs them.
package systemd

import _ "embed" // the units

// Node is godwit-node.service: it reads /etc/godwit/bootstrap.json and runs
// /usr/bin/godwit-node as the user godwit.
//
//go:embed godwit-node.service
var Node string

// Manager is godwit-manager.service.
//
//go:embed godwit-manager.service
var Manager string
