package transfer

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/wire"
)

// bare makes one end of a session without datagrams, and the control connection
// of the other end.
func bare(t *testing.T) (*session, *controlConn) {
	t.Helper()
	a, b := net.Pipe()
	peer := newControlConn(b)
	t.Cleanup(peer.abort)
	s := newSession(newControlConn(a), nil, slog.New(slog.DiscardHandler), 1<<20)
	s.peer, s.via.name, s.via.able = "the peer", TransportTCP, true
	return s, peer
}

var anyFlow = flow.Config{SendSecret: make([]byte, 32), RecvSecret: make([]byte, 32)}

// A session is set up by one goroutine, without its lock, which goes on setting
// rates. The control connection's writer, which runs already, keeps off it.
func TestNothingIsFetchedBeforeASessionRuns(t *testing.T) {
	t.Parallel()
	s, peer := bare(t)
	must(t, s.send(anyFlow, job.SenderConfig{Memory: 1 << 20, Window: 1 << 20}, &loading{pool: &job.Pool{}}))
	// The writer turns once around: it asks its source, if it has one, before it
	// writes.
	s.ctl.send(control.TypePing, nil)
	if _, _, err := peer.next(); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	asked := s.starved
	s.mu.Unlock()
	if asked {
		t.Error("the job was asked for data")
	}
	s.ctl.abort()
}

// slowLander takes long to finish, and notes whether it was closed meanwhile.
type slowLander struct {
	finishing, closedMeanwhile atomic.Bool
}

func (*slowLander) callbacks(*job.ReceiverConfig) {}
func (*slowLander) start(*job.Receiver)           {}
func (*slowLander) checkpoint()                   {}
func (*slowLander) hasten()                       {}

func (l *slowLander) finish(ctx context.Context) error {
	l.finishing.Store(true)
	defer l.finishing.Store(false)
	<-ctx.Done()
	time.Sleep(time.Minute) // a disk
	return ctx.Err()
}

func (l *slowLander) close(bool) { l.closedMeanwhile.Store(l.finishing.Load()) }

// The peer may go while all is made durable. What that works on is not taken away
// under its hands.
func TestASessionThatBreaksWhileItFinishesWaitsForThat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, peer := bare(t)
		go func() { _, _ = io.Copy(io.Discard, peer.conn) }()
		l := &slowLander{}
		must(t, s.receive(anyFlow, &job.Pool{}, l))
		ended := make(chan error)
		go func() { ended <- s.run(t.Context(), nil) }()
		frame, err := control.AppendJSON(nil, control.TypeFinish, control.Finish{})
		must(t, err)
		_, err = peer.conn.Write(frame)
		must(t, err)
		synctest.Wait()
		if !l.finishing.Load() {
			t.Fatal("nothing is finished")
		}
		peer.abort()
		if err := <-ended; CodeOf(err) != CodeLost {
			t.Errorf("ended with %v", err)
		}
		if l.closedMeanwhile.Load() {
			t.Error("closed while it was finishing")
		}
	})
}

// flooded is a socket that has something for so many reads.
type flooded struct {
	reads  int
	begun  bool
	empty  func()
	waited bool
}

func (f *flooded) Recv(*packetio.Messages) (int, error) {
	f.begun = true
	if f.reads == 0 {
		return 0, nil
	}
	f.reads--
	return 1, nil
}

func (f *flooded) pause() {
	if f.begun && f.reads > 0 {
		f.waited = true
	}
	if f.reads == 0 {
		f.empty()
	}
}

func (f *flooded) Wait(time.Duration) error    { f.pause(); return nil }
func (f *flooded) Rest(time.Duration)          { f.pause() }
func (f *flooded) Buffer() int                 { return 1 << 20 }
func (f *flooded) SendBatch(*wire.Batch) error { return nil }
func (f *flooded) Wake()                       {}
func (f *flooded) Close() error                { return nil }

// Datagrams that the kernel did not coalesce, such as those of a flood, fill the
// socket faster than a few reads empty it.
func TestAReceiverNeitherRestsNorWaitsWhileDatagramsAreThere(t *testing.T) {
	t.Parallel()
	s, _ := bare(t)
	must(t, s.receive(anyFlow, &job.Pool{}, &slowLander{}))
	f := &flooded{reads: 1000, empty: func() { s.fail(nil) }}
	s.lanes[0].sock = f
	s.lanes[0].pump()
	if f.waited {
		t.Error("it paused before the socket was empty")
	}
	s.ctl.abort()
}
