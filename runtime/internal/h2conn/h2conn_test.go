package h2conn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// requestBytes are what a client sends: the preface, settings, headers in three frames, data and a
// ping.
func requestBytes(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&b, nil)
	for _, err := range []error{
		f.WriteSettings(),
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: make([]byte, 20)}),
		f.WriteContinuation(1, false, nil),
		f.WriteContinuation(1, true, make([]byte, 5)),
		f.WriteData(1, true, make([]byte, 300)),
		f.WritePing(false, [8]byte{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// all follows all of p.
func (r *requests) all(p []byte) {
	for len(p) > 0 {
		n, _ := r.follow(p)
		p = p[n:]
	}
}

// TestPartialBlocks checks at every byte whether a block of headers has begun and is not complete.
func TestPartialBlocks(t *testing.T) {
	all := requestBytes(t)
	start := len(preface) + headerSize // settings have no payload
	end := start + 3*headerSize + 20 + 5
	data, ping := end+headerSize, end+headerSize+300
	for n := range all {
		var whole, single requests
		whole.all(all[:n])
		for i := range n {
			single.all(all[i : i+1])
		}
		want := n > start && n < end || n > len(preface) && n < start || n > end && n < data || n > ping && n < ping+headerSize
		if whole.partial() != want || single != whole {
			t.Fatalf("after %d of %d bytes partial is %v, want %v", n, len(all), whole.partial(), want)
		}
	}
}

func TestOtherProtocolsPass(t *testing.T) {
	var f requests
	f.all([]byte("\x16\x03\x01 a client hello"))
	if f.partial() || !f.foreign {
		t.Error("what is not HTTP/2 is taken for a block of headers")
	}
}

// pipe returns both ends of a connection with deadlines.
func pipe(t *testing.T) (client, server net.Conn) {
	t.Helper()
	client, server = net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func TestHalfSentHeadersEndTheConnection(t *testing.T) {
	client, server := pipe(t)
	conn := New(server, time.Millisecond, new(lastOpened))
	go client.Write(requestBytes(t)[:len(preface)+headerSize+12])
	if _, err := io.ReadAll(conn); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the end of the connection", err)
	}
}

// TestDeadlinesBelongToTheOwner checks that the bound neither needs the deadlines of a connection
// nor changes them: grpc sets one for the handshake, and clears it afterwards.
func TestDeadlinesBelongToTheOwner(t *testing.T) {
	first := len(preface) + headerSize
	synctest.Test(t, func(t *testing.T) {
		client, server := pipe(t)
		conn := New(server, time.Minute, new(lastOpened))
		go client.Write(requestBytes(t)[:first+12])
		if _, err := io.ReadFull(conn, make([]byte, first+12)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Time{}) // the handshake is over
		start := time.Now()
		if _, err := conn.Read(make([]byte, 1)); err == nil || time.Since(start) != time.Minute {
			t.Errorf("half-sent headers: %v after %v", err, time.Since(start))
		}

		client, server = pipe(t)
		conn = New(server, time.Hour, new(lastOpened))
		_ = conn.SetDeadline(time.Now().Add(time.Minute)) // of the handshake
		go func() {
			client.Write(requestBytes(t)[:len(preface)+3])
			client.Write(requestBytes(t)[len(preface)+3 : first])
		}()
		start = time.Now()
		if _, err := io.ReadAll(conn); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("a handshake that stops: %v after %v", err, time.Since(start))
		}
	})
}

func TestWholeHeadersDoNot(t *testing.T) {
	client, server := pipe(t)
	conn := New(server, time.Hour, new(lastOpened))
	all := requestBytes(t)
	go func() {
		for len(all) > 0 { // in pieces
			n := min(7, len(all))
			client.Write(all[:n])
			all = all[n:]
		}
		client.Close()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, requestBytes(t)) || conn.running {
		t.Errorf("got %d bytes, %v, a timer: %v", len(got), err, conn.running)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(requestBytes(f), 3)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		var whole, halves requests
		whole.all(data)
		at = min(max(0, at), len(data))
		halves.all(data[:at])
		halves.all(data[at:])
		if whole != halves && !(whole.foreign && halves.foreign) { // of what is not HTTP/2 no more is followed
			t.Errorf("%+v in one piece, %+v in two", whole, halves)
		}
	})
}
