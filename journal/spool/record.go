package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/godwit/godwit/journal/event"
)

// A record on disk: length of the payload (4 bytes, big endian), CRC-32C of the payload (4 bytes), payload. The payload is an event's JSON.
const headerSize = 8

// castagnoli has hardware support on amd64 and arm64.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTorn marks bytes that are not a whole record: the tail of a write that a crash cut off, or damage.
var errTorn = errors.New("record is torn")

func appendRecord(b, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload))) // bounded by event.MaxSize
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(payload, castagnoli))
	return append(b, payload...)
}

// nextRecord returns the first record's payload, a part of b, and the bytes after it.
func nextRecord(b []byte) (payload, rest []byte, err error) {
	if len(b) < headerSize {
		return nil, nil, errTorn
	}
	n := int(binary.BigEndian.Uint32(b))
	if n == 0 || n > event.MaxSize || n > len(b)-headerSize {
		return nil, nil, errTorn
	}
	payload = b[headerSize : headerSize+n]
	if crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(b[4:]) {
		return nil, nil, errTorn
	}
	return payload, b[headerSize+n:], nil
}
