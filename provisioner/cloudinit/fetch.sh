{{define "fetch"}}# What comes is held against its checksum, which came with the user data: who
# sends it does not matter, so the connection proves nothing about him.
fetch() {
	if command -v curl >/dev/null; then
		curl -fsS{{.Follow}} --insecure --connect-timeout 5 --max-time 300 -o "$2" "$1"
	elif command -v wget >/dev/null; then
		wget -q --no-check-certificate --timeout=30 --tries=1 -O "$2" "$1"
	else
		python3 -c 'import ssl, sys, urllib.request as r
c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
open(sys.argv[2], "wb").write(r.urlopen(sys.argv[1], timeout=60, context=c).read())' "$1" "$2"
	fi
}

# pause SECONDS: about so long; nodes that start together must not ask together.
pause() { sleep "$(awk -v s="$1" -v r="$(od -An -N2 -tu2 /dev/urandom)" 'BEGIN { printf "%.1f", s / 2 + s * r / 65536 }')"; }
{{end}}
