// Command quic-copy copies a tree over QUIC as well as quic-go does it by
// itself: the plainest program that a user of the library would write. It is a
// peer in measurements and nothing else: the certificate is thrown away and not
// checked.
//
//	quic-copy serve ADDRESS DIRECTORY
//	quic-copy send ADDRESS DIRECTORY STREAMS
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/quic-go/quic-go"
)

const protocol = "quic-copy"

// Windows that never limit: 500 ms at 1 Gb/s are 62 MB.
func limits() *quic.Config {
	return &quic.Config{
		InitialStreamReceiveWindow: 16 << 20, MaxStreamReceiveWindow: 256 << 20,
		InitialConnectionReceiveWindow: 16 << 20, MaxConnectionReceiveWindow: 256 << 20,
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "quic-copy:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "serve":
		return serve(args[1], args[2])
	case len(args) == 4 && args[0] == "send":
		streams, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		return send(args[1], args[2], streams)
	}
	return errors.New("usage: quic-copy serve ADDRESS DIRECTORY | send ADDRESS DIRECTORY STREAMS")
}

func serve(address, dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return err
	}
	listener, err := quic.ListenAddr(address, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}, NextProtos: []string{protocol},
	}, limits())
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept(context.Background())
		if err != nil {
			return err
		}
		go func() {
			for {
				stream, err := connection.AcceptStream(context.Background())
				if err != nil {
					return
				}
				go func() {
					if err := receive(stream, root); err != nil {
						fmt.Fprintln(os.Stderr, "quic-copy:", err)
						stream.CancelRead(1)
					}
				}()
			}
		}()
	}
}

// receive takes files until the stream ends and then says so with one byte.
func receive(stream *quic.Stream, root *os.Root) error {
	buffer := make([]byte, 1<<20)
	for {
		var head [10]byte
		if _, err := io.ReadFull(stream, head[:]); errors.Is(err, io.EOF) {
			_, err := stream.Write([]byte{1})
			return errors.Join(err, stream.Close())
		} else if err != nil {
			return err
		}
		name := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(stream, name); err != nil {
			return err
		}
		if err := root.MkdirAll(filepath.Dir(string(name)), 0o755); err != nil {
			return err
		}
		f, err := root.Create(string(name))
		if err != nil {
			return err
		}
		_, err = io.CopyBuffer(struct{ io.Writer }{f}, io.LimitReader(stream, int64(binary.BigEndian.Uint64(head[2:]))), buffer)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
}

func send(address, dir string, streams int) error {
	ctx := context.Background()
	connection, err := quic.DialAddr(ctx, address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}, limits())
	if err != nil {
		return err
	}
	defer connection.CloseWithError(0, "")
	names := make(chan string, 1024)
	failed := make(chan error, streams+1)
	var senders sync.WaitGroup
	for range streams {
		senders.Go(func() {
			if err := sendFiles(ctx, connection, dir, names); err != nil {
				failed <- err
			}
		})
	}
	go func() {
		defer close(names)
		failed <- filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			name, err := filepath.Rel(dir, at)
			names <- name
			return err
		})
	}()
	senders.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

func sendFiles(ctx context.Context, connection *quic.Conn, dir string, names <-chan string) error {
	stream, err := connection.OpenStreamSync(ctx)
	if err != nil {
		return err
	}
	buffer := make([]byte, 1<<20)
	for name := range names {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		head := binary.BigEndian.AppendUint16(nil, uint16(len(name)))
		head = binary.BigEndian.AppendUint64(head, uint64(info.Size()))
		if _, err := stream.Write(append(head, name...)); err != nil {
			return err
		}
		_, err = io.CopyBuffer(struct{ io.Writer }{stream}, f, buffer)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	if err := stream.Close(); err != nil {
		return err
	}
	_, err = io.ReadFull(stream, make([]byte, 1))
	return err
}
