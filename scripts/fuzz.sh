#!/bin/bash
# fuzz.sh TIME PACKAGE...: run every fuzz target of the packages, one after the other, for TIME each.
# What a target finds stays in its testdata/fuzz, to be committed with the mend. By default go spends up
# to a minute on making each new input shorter, which is nearly all the time there is.
set -u
time=$1
shift
failed=()
count=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
packages=$(go list "$@") || exit 1
for package in $packages; do
	directory=$(go list -f '{{.Dir}}' "$package")
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$directory"/*_test.go 2>/dev/null | awk '{print $2}' | sort -u); do
		count=$((count + 1))
		echo "$package $target"
		go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1s -parallel "${FUZZ_WORKERS:-2}" >"$log" 2>&1
		# The go command calls it a failure, with these words alone, if time is up while it shortens an input.
		if [ $? -ne 0 ] && { grep -q 'Failing input' "$log" || ! grep -qx ' *context deadline exceeded' "$log"; }; then
			failed+=("$package $target")
			tail -40 "$log"
		else
			grep -oE 'execs: [0-9]+' "$log" | tail -1
		fi
	done
done
if [ ${#failed[@]} -gt 0 ]; then
	printf 'FAILED: %s\n' "${failed[@]}"
	exit 1
fi
echo "$count targets, $time each, nothing found"
