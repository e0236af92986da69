#!/bin/sh
# Makes this machine a Godwit transfer node. cloud-init runs it once, as root.
set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
node=/usr/bin/godwit-node
log=/var/log/godwit-boot.log

say() { echo "godwit-boot: $*"; }

# fail REASON [FILE]: the manager is told, with the end of FILE; the machine
# stays as it is until the manager ends it.
fail() {
	say "failed: $1"
	if [ -x "$node" ]; then
		"$node" report-failure --bootstrap {{.Bootstrap}} --reason "$1" ${2:+--output "$2"} || say "the manager was not told"
	fi
	exit 1
}
{{if .SwapBytes}}
# The disk for swap is the one of its size that holds nothing.
swap_volume() {
	for try in 1 2 3 4 5 6 7 8 9 10; do
		for disk in $(lsblk -dnbpo NAME,SIZE,TYPE | awk '$2 == {{.SwapBytes}} && $3 == "disk" { print $1 }'); do
			[ "$(lsblk -no NAME "$disk" | wc -l)" -eq 1 ] || continue
			if ! blkid -p "$disk" >/dev/null 2>&1; then
				mkswap -L godwit-swap "$disk" && swapon "$disk" && echo 'LABEL=godwit-swap none swap sw,nofail 0 0' >>/etc/fstab && return 0
			fi
		done
		sleep 3
	done
	return 1
}
swap_volume || say "no empty disk of {{.SwapBytes}} bytes became swap; going on without"
{{end}}
id godwit >/dev/null 2>&1 || useradd --system --user-group --home-dir /var/lib/godwit --no-create-home --shell /usr/sbin/nologin godwit ||
	fail "the user godwit could not be made"
{{if not .HasProgram}}
{{template "fetch" .}}
case $(uname -m) in{{range .Programs}}
{{.Machine}}) path={{.Path}} sha256={{.SHA256}} ;;{{end}}
*) fail "the manager has no node program for $(uname -m)" ;;
esac
now() { cut -d. -f1 /proc/uptime; }
until=$(($(now) + {{.Seconds}})) wait=1
while :; do
	for manager in{{range .Managers}} '{{.}}'{{end}}; do
		if fetch "$manager$path" "$node.new"; then
			[ "$(sha256sum <"$node.new" | cut -d' ' -f1)" = "$sha256" ] && break 2
			say "what $manager sent is not the node program that is wanted"
		fi
	done
	[ "$(now)" -lt "$until" ] || fail "no manager handed out the node program within {{.Seconds}} s: {{range $i, $m := .Managers}}{{if $i}}, {{end}}{{$m}}{{end}}"
	say "asking again for the node program"
	pause $wait
	wait=$((wait < 16 ? wait * 2 : 30))
done
chmod 755 "$node.new" && mv "$node.new" "$node" || fail "$node could not be written"
{{end}}
[ -x "$node" ] || fail "the image has no $node"
systemctl daemon-reload
{ /usr/lib/systemd/systemd-sysctl || /lib/systemd/systemd-sysctl; } 2>/dev/null
systemctl try-restart systemd-journald
{{if .FirstBoot}}
{{.FirstBoot}} >"$log" 2>&1
code=$?
cat "$log"
[ "$code" -eq 0 ] || fail "the first-boot script ended with code $code" "$log"
{{end}}
systemctl enable --now --no-block godwit-node.service || fail "the node's service could not be started"
say "the node program is installed"
