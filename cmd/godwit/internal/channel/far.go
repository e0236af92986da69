package channel

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/godwit/godwit/transfer"
	"github.com/godwit/godwit/transfer/packetio"
)

// AccessKey is the name under which the near side presents itself.
const AccessKey = "ssh"

// Password is what the near side proves to know: that it reads the channel.
func Password(c transfer.Channel) string { return base64.RawURLEncoding.EncodeToString(c.Secret) }

// Far is the end at which ssh started this program: it greets, and takes
// datagrams where it can, at the given port; 0 picks one.
func Far(port int) (transfer.Channel, *packetio.Listener, error) {
	in, out := stdio()
	peer, local := connection(os.Getenv("SSH_CONNECTION"))
	c := transfer.Channel{
		Conn: &conn{in: in, out: out, remote: addr(peer)}, Local: local,
		Secret: make([]byte, transfer.ChannelSecretSize),
	}
	_, _ = rand.Read(c.Secret) // never fails
	g := greeting{Secret: c.Secret}
	udp := listen(local, port)
	if udp != nil {
		g.UDP = netip.AddrPortFrom(local, udp.Addr().Port())
	}
	line, err := g.line()
	if err == nil {
		_, err = out.Write(line)
	}
	if err != nil {
		_ = c.Conn.Close()
		if udp != nil {
			_ = udp.Close()
		}
		return c, nil, fmt.Errorf("greeting the client: %w", err)
	}
	return c, udp, nil
}

// connection reads what sshd says about its own: the client's address for
// people, and this machine's as the client reaches it; invalid where that is
// of no use for datagrams.
func connection(env string) (peer string, local netip.Addr) {
	f := strings.Fields(env) // client, its port, server, its port
	if len(f) != 4 {
		return "ssh", netip.Addr{}
	}
	local, err := netip.ParseAddr(f[2])
	if err != nil || local.Zone() != "" || local.IsUnspecified() {
		local = netip.Addr{}
	}
	return f[0], local.Unmap()
}

// listen takes datagrams at local; nil: it cannot, data ride the channel.
func listen(local netip.Addr, port int) *packetio.Listener {
	if !local.IsValid() {
		return nil
	}
	udp, err := packetio.Listen(netip.AddrPortFrom(local, uint16(port)), packetio.Options{})
	if err != nil {
		return nil
	}
	return udp
}
