//go:build linux

package emulator

import (
	"fmt"
	"math"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The layout of the page that the relay shares with us; the same enums are at
// the head of relay.c.
const (
	pageGrain = iota + 1
	pageScheduler
	pageStallMax
	pageWakeups
	pageReady
	pageCPU

	pageCommon = 16
)

const (
	modelRate = iota
	modelQueue
	modelDelay
	modelLoss
	modelBurstMin
	modelBurstMax
	modelJitter
	modelReorder
	modelPolice
	modelBucket
	modelBlock
	modelPMTU
	modelCorrupt
	modelSeed
	modelNAT
	modelPoliceEach

	modelWords = 16
)

const (
	countSent = iota
	countSentBytes
	countDelivered
	countDeliveredBytes
	countQueueDrops
	countPoliceDrops
	countLost
	countBlocked
	countTooBig
	countCorrupted
	countWriteErrors
	countMalformed
	countWrites
	countLateMax
	countQueueMax
	countSentUDP
	countDeliveredUDP

	countWords = 24
)

const (
	lateBuckets = 1024
	lateStep    = 100 * time.Microsecond

	pageModel  = pageCommon
	pageCounts = pageModel + 2*modelWords
	pageLate   = pageCounts + 2*countWords
	pageWords  = pageLate + 2*lateBuckets
)

// page is the memory shared with the relay.
type page struct {
	file  *os.File
	words []uint64
	bytes []byte
}

func newPage() (*page, error) {
	fd, err := unix.MemfdCreate("wan", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("shared page: %w", err)
	}
	file := os.NewFile(uintptr(fd), "wan")
	if err := file.Truncate(pageWords * 8); err != nil {
		return nil, fmt.Errorf("shared page: %w", err)
	}
	return mapPage(file)
}

func mapPage(file *os.File) (*page, error) {
	bytes, err := unix.Mmap(int(file.Fd()), 0, pageWords*8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("shared page: %w", err)
	}
	return &page{file: file, bytes: bytes, words: unsafe.Slice((*uint64)(unsafe.Pointer(&bytes[0])), pageWords)}, nil
}

func (p *page) load(i int) uint64     { return atomic.LoadUint64(&p.words[i]) }
func (p *page) store(i int, v uint64) { atomic.StoreUint64(&p.words[i], v) }

// odds is a share as the relay wants it, in parts of 2³².
func odds(share float64) uint64 { return uint64(math.Round(share * (1 << 32))) }

// model writes a direction's model; the relay takes it up packet by packet.
func (p *page) model(direction int, m Model) {
	at := pageModel + direction*modelWords
	var block uint64
	for i, on := range []bool{m.BlockUDP, m.BlockTCP, m.BlockAll} {
		if on {
			block |= 1 << i
		}
	}
	for i, v := range map[int]uint64{
		modelRate: uint64(m.Rate), modelQueue: uint64(m.Queue), modelDelay: uint64(m.Delay),
		modelLoss: odds(m.Loss), modelBurstMin: uint64(m.BurstMin), modelBurstMax: uint64(m.BurstMax),
		modelJitter: uint64(m.Jitter), modelReorder: odds(m.Reorder),
		modelPolice: uint64(m.Police), modelBucket: uint64(m.Bucket),
		modelBlock: block, modelPMTU: uint64(m.PMTU), modelCorrupt: odds(m.Corrupt), modelNAT: uint64(m.NAT),
		modelPoliceEach: uint64(m.PoliceEach),
	} {
		p.store(at+i, v)
	}
}

func (p *page) close() {
	_ = unix.Munmap(p.bytes) // nothing to do about it
	p.file.Close()
}
