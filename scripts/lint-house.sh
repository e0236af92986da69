#!/usr/bin/env bash
# The house rules that no linter knows: files that fit one sitting, a package
# comment everywhere, an SPDX-free tree without stray words.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0
complain() { echo "lint-house: $*" >&2; fail=1; }

while read -r lines file; do
	[ "$file" = total ] || [ "$lines" -le 800 ] || complain "$file has $lines lines: make it two files"
done < <(git ls-files '*.go' '*.ts' '*.tsx' | grep -vE '(\.pb\.go|schema\.d\.ts)$' | xargs -r wc -l)

while read -r dir; do
	grep -lqE '^// (Package|Command) ' "$dir"/*.go 2>/dev/null || grep -lqE '^/\*$' "$dir"/doc.go 2>/dev/null ||
		complain "$dir has no package comment"
done < <(git ls-files '*.go' | grep -v _test.go | xargs -rn1 dirname | sort -u)

while read -r size file; do
	[ "$size" -le 1000000 ] || complain "$file has $size bytes: what is built is not committed"
done < <(git ls-files -z | xargs -0 stat -c '%s %n' 2>/dev/null)

for up in migrations/*.up.sql; do
	[ ! -e "$up" ] || [ -e "${up%.up.sql}.down.sql" ] || complain "$up has no down migration"
done
exit $fail
