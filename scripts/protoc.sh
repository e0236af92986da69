#!/usr/bin/env bash
# Runs protoc with the Go plugin of that very version of the protobuf module
# that go.mod names: nothing but protoc itself has to be installed.
#
#   scripts/protoc.sh --go_out=. --go_opt=paths=source_relative report.proto
set -euo pipefail

command -v protoc >/dev/null || {
	echo "godwit: protoc is missing; install it: scripts/deps.sh generate" >&2
	exit 1
}
plugin=$(mktemp -d)
trap 'rm -rf "$plugin"' EXIT
"${GO:-go}" build -o "$plugin/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go
protoc --plugin="protoc-gen-go=$plugin/protoc-gen-go" "$@"
