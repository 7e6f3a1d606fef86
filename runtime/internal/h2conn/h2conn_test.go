package h2conn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// requestBytes are what a client sends: the preface, settings, headers in three frames, data and a ping.
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
	_, err := io.ReadAll(conn)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want a deadline", err)
	}
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
	if err != nil || !bytes.Equal(got, requestBytes(t)) || conn.late {
		t.Errorf("got %d bytes, %v, a deadline: %v", len(got), err, conn.late)
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
		if whole != halves {
			t.Errorf("%+v in one piece, %+v in two", whole, halves)
		}
	})
}
