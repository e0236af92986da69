#!/usr/bin/env bash
# Finds out which Debian packages a target needs and lacks; as root installs
# them, as a user says what to run. Prints nothing when nothing is missing.
#
#   scripts/deps.sh [run|bench|boot|all|generate|ci]     what the target needs (default all)
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

tools=(go node npm make)
[ "$want" = bench ] && tools=(go make)
for tool in "${tools[@]}"; do
	have "$tool" || {
		echo "godwit: '$tool' is not on the PATH. Install Go 1.26, make and (but for make bench-wan) Node.js 20 or later with npm first." >&2
		exit 1
	}
done

if [ "$want" = bench ]; then
	# The emulated path needs ip and a compiler (its data path is C); the rest are
	# the programs that Godwit is measured beside.
	need iproute2 have ip
	need gcc have gcc
	need libc6-dev have_libc
	need g++ have g++
	need libudt-dev test -e /usr/include/udt/udt.h
	need iputils-ping have ping
	need iperf3 have iperf3
	need rsync have rsync
	need uftp have uftp
	optional=" g++ libudt-dev iputils-ping iperf3 rsync uftp "
else
	need postgresql have_postgres
	need ca-certificates test -d /etc/ssl/certs
	need procps have ps
fi
if [ "$want" = generate ] || [ "$want" = ci ]; then
	need protobuf-compiler have protoc
fi
if [ "$want" = all ] || [ "$want" = ci ]; then
	need chromium have_chromium
	need gcc have gcc
	need libc6-dev have_libc
	need git have git
	need slapd test -x /usr/sbin/slapd
	need openssh-client have ssh
	need openssh-server test -x /usr/sbin/sshd
fi
if [ "$want" = boot ] || [ "$want" = ci ]; then
	need debootstrap have debootstrap
	need systemd-container have systemd-nspawn
	need iproute2 have ip
	need bind9-dnsutils have dig
fi
if [ "$want" = ci ]; then
	need docker-compose have docker-compose
	need python3-venv python3 -c 'import ensurepip' # make test-clouds
fi

[ ${#missing[@]} -eq 0 ] && exit 0

# A peer that this Debian does not have is left out of the tables.
if [ "$(id -u)" -eq 0 ] && [ "$want" = bench ]; then
	apt-get update -qq >/dev/null 2>&1 || true
	kept=()
	for package in "${missing[@]}"; do
		if [[ "$optional" == *" $package "* ]] && ! apt-cache show "$package" >/dev/null 2>&1; then
			echo "godwit: there is no package $package here; what needs it is left out"
		else
			kept+=("$package")
		fi
	done
	missing=("${kept[@]}")
	[ ${#missing[@]} -eq 0 ] && exit 0
fi

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
# And for sshd: this file is how Debian is told that the service is not wanted.
if [[ " ${missing[*]} " == *" openssh-server "* ]]; then
	mkdir -p /etc/ssh
	touch /etc/ssh/sshd_not_to_be_run
fi
log=$(mktemp)
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}"; } >"$log" 2>&1; then
	cat "$log" >&2
	echo "godwit: apt-get failed; its output is above" >&2
	exit 1
fi
rm -f "$log"
