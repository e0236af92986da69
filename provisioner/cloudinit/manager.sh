#!/bin/sh
# Makes this machine a Godwit manager. cloud-init runs it once, as root.
set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
log=/var/log/godwit-boot.log

say() { echo "godwit-boot: $*"; }

# fail REASON: the manager does not start; cloud-init's status and the serial
# console say why.
fail() {
	say "failed: $1"
	exit 1
}

id godwit >/dev/null 2>&1 || useradd --system --user-group --home-dir /var/lib/godwit --no-create-home --shell /usr/sbin/nologin godwit ||
	fail "the user godwit could not be made"
{{if .Programs}}
{{template "fetch" .}}
now() { cut -d. -f1 /proc/uptime; }
until=$(($(now) + {{.Seconds}}))

# install NAME URL SHA256: as /usr/bin/NAME.
install() {
	wait=1
	while :; do
		if fetch "$2" "/usr/bin/$1.new"; then
			[ "$(sha256sum <"/usr/bin/$1.new" | cut -d' ' -f1)" = "$3" ] && break
			say "what $2 sent is not the program $1 that is wanted"
		fi
		[ "$(now)" -lt "$until" ] || fail "$1 could not be fetched within {{.Seconds}} s: $2"
		say "asking again for $1"
		pause $wait
		wait=$((wait < 16 ? wait * 2 : 30))
	done
	chmod 755 "/usr/bin/$1.new" && mv "/usr/bin/$1.new" "/usr/bin/$1" || fail "/usr/bin/$1 could not be written"
}
{{range .Programs}}install {{.Name}} '{{.URL}}' {{.SHA256}}
{{end}}{{end}}
[ -x /usr/bin/godwit-manager ] || fail "the image has no /usr/bin/godwit-manager"
systemctl daemon-reload
systemctl try-restart systemd-journald
{{if .FirstBoot}}
{{.FirstBoot}} >"$log" 2>&1
code=$?
cat "$log"
[ "$code" -eq 0 ] || fail "the first-boot script ended with code $code"
{{end}}
systemctl enable --now --no-block godwit-manager.service || fail "the manager's service could not be started"
say "the manager is installed"
