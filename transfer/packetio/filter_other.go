//go:build !linux

package packetio

import "github.com/godwit/godwit/transfer/wire"

func (c *Conn) only(wire.ConnID) {}
