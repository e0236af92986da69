#!/usr/bin/env bash
# Finds out which Debian packages a target needs and lacks; as root installs
# them, as a user says what to run. Prints nothing when nothing is missing.
#
#   scripts/deps.sh [run|all|generate|ci]     what the target needs (default all)
set -euo pipefail

want=${1:-all}
missing=()

have() { command -v "$1" >/dev/null 2>&1; }
need() { # need PACKAGE CHECK...: the package unless the check passes
	local package=$1
	shift
	"$@" || missing+=("$package")
}
have_postgres() {
	[ -n "${DATABASE_URL:-}" ] && return 0
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || { have initdb && have postgres; }
}
have_chromium() { [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; }
have_libc() { [ -e /usr/include/stdlib.h ]; }

for tool in go node npm make; do
	have "$tool" || {
		echo "godwit: '$tool' is not on the PATH. Install Go 1.26, Node.js 20 or later with npm, and make first." >&2
		exit 1
	}
done

need postgresql have_postgres
need ca-certificates test -d /etc/ssl/certs
need procps have ps
if [ "$want" = generate ] || [ "$want" = ci ]; then
	need protobuf-compiler have protoc
fi
if [ "$want" = all ] || [ "$want" = ci ]; then
	need chromium have_chromium
	need gcc have gcc
	need libc6-dev have_libc
	need git have git
	need slapd test -x /usr/sbin/slapd
fi
if [ "$want" = ci ]; then
	need docker-compose have docker-compose
fi

[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "godwit: missing Debian packages: ${missing[*]}" >&2
	echo "        run once as root:  scripts/deps.sh $want" >&2
	exit 1
fi

echo "godwit: installing Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Only Postgres' binaries are wanted; godwit runs a private server of its own,
# so the package's default cluster is not created where none exists yet.
if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	mkdir -p /etc/postgresql-common
	echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
fi
# The same for slapd: tests run their own.
if [[ " ${missing[*]} " == *" slapd "* ]] && command -v debconf-set-selections >/dev/null; then
	echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections
fi
log=$(mktemp)
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}"; } >"$log" 2>&1; then
	cat "$log" >&2
	echo "godwit: apt-get failed; its output is above" >&2
	exit 1
fi
rm -f "$log"
