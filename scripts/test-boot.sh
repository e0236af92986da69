#!/usr/bin/env bash
# Boots nodes for real: systemd and cloud-init in containers, from the user data
# that clouds get, with a real manager. Everything happens in namespaces of its
# own and is gone with them. Needs root; without it, it says so and passes.
set -euo pipefail
cd "$(dirname "$0")/.."

bins=${1:?usage: scripts/test-boot.sh DIR-WITH-THE-COMMANDS}
cache=${GODWIT_BOOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/godwit/boot}

if [ "$(id -u)" -ne 0 ]; then
	echo "test-boot: skipped, for it needs root"
	exit 0
fi
if ! unshare --mount --net --pid --fork true 2>/dev/null; then
	echo "test-boot: skipped, for this machine allows no namespaces of its own"
	exit 0
fi
scripts/bootfs.sh "$cache"
"${GO:-go}" test -c -o "$bins/boot.test" ./cmd/godwit-manager/internal/boot

export GODWIT_BOOTFS=$cache/root GODWIT_BINS GODWIT_BOOT_TEST=$bins/boot.test
GODWIT_BINS=$(cd "$bins" && pwd)
exec unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private sh -euc '
	mount -t tmpfs tmpfs /run
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	ip link set lo up
	ip link add boot0 type bridge
	ip address add 10.77.0.1/24 dev boot0
	ip link set boot0 up
	"$GODWIT_BOOT_TEST" -test.v -test.timeout 5m "$@"
' sh "${@:2}"
