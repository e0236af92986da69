#!/usr/bin/env bash
# Profiles a push of 1 GiB over the emulated path (1 Gb/s, 100 ms, 1 % loss) and
# one through loopback: where processor time goes at both ends, what is
# allocated. Writes bench/results/profile.md. Needs root,
# perf (Debian: linux-perf) and build/bin/wan.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v perf >/dev/null || { echo "godwit: profiles need perf: apt-get install linux-perf" >&2; exit 1; }
out=bench/results/profile.md
work=$(mktemp -d)
memory=$(mktemp -d /dev/shm/godwit-profile-XXXX)
trap 'rm -rf "$work" "$memory"' EXIT
mkdir -p "$memory/source" "$memory/target" "$memory/looped"
head -c ${PROFILE_SIZE:-1G} /dev/urandom >"$memory/source/big.bin"

# With symbols, otherwise as make build makes it.
CGO_ENABLED=0 go build -trimpath -o "$work/godwit" ./cmd/godwit

cat >"$work/transfer.sh" <<'END'
# transfer.sh RUNNER LISTEN TARGET: serve and push.
cd "$WORK"
$1 "$WORK/godwit" serve -q --write --listen "$2" "$3" >address &
server=$!
until [ -s address ]; do sleep 0.1; done
"$WORK/godwit" cp -r --json "$MEMORY/source/" "$(cat address)" >events
kill $server
wait $server 2>/dev/null || true
END
export WORK=$work MEMORY=$memory

hot() { # hot FILE: the functions with the most samples of godwit's threads
	perf report -i "$1" --comm godwit --no-children --percentage relative --sort symbol --stdio -g none 2>/dev/null | sed -E "s/( +-)+ *$//" | awk '/^ +[0-9]/ && n++ < 25'
}

{
	echo "# Profiles"
	echo
	echo "Written by \`make bench-profile\`: a push of ${PROFILE_SIZE:-1G} of random bytes from tmpfs to tmpfs, encrypted and verified, commit"
	echo "$(git rev-parse --short=10 HEAD), $(nproc) cores, $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(date -u +%F)."
	for path in wan loopback; do
		if [ $path = wan ]; then
			run=(build/bin/wan exec --quiet --rate 1g --delay 100ms --loss 1% -- bash "$work/transfer.sh" "$PWD/build/bin/wan in b --" 10.77.0.2:0 "$memory/target")
			title="Over 1 Gb/s, 100 ms, 1 %"
		else
			run=(bash "$work/transfer.sh" "" 127.0.0.1:0 "$memory/looped")
			title="Over loopback"
		fi
		rm -f "$work/address" "$work/events"
		perf record -q -a -F 997 -g -o "$work/$path.perf" -- "${run[@]}" >"$work/$path.log" 2>&1 || { cat "$work/$path.log" >&2; exit 1; }
		seconds=$(tail -1 "$work/events" | sed -E 's/.*"duration":([0-9]+)\}.*/\1/' | awk '{printf "%.2f", $1 / 1e9}')
		printf '\n## %s\n\n%s s. Share of the processor time of both ends together, hottest first:\n\n```\n' "$title" "$seconds"
		hot "$work/$path.perf"
		printf '```\n'
	done
	printf '\n## Allocation\n\nBoth ends in one process, loopback, for each GiB pushed:\n\n```\n'
	go test ./transfer -run '^$' -bench 'BenchmarkLoopback/push' -benchtime 3x -benchmem -memprofile "$work/memory.prof" -o "$work/transfer.test" | grep -E '^Benchmark'
	go tool pprof -sample_index=alloc_space -top -nodecount 15 "$work/transfer.test" "$work/memory.prof" 2>/dev/null | sed 1,4d
	printf '```\n'
} >"$work/profile.md"
mv "$work/profile.md" "$out"
echo "wrote $out"
