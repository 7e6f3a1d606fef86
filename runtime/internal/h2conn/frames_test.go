package h2conn

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// traffic is what a client sends: its preface and frames of all kinds, and the streams it opens.
func traffic(t testing.TB, random *rand.Rand, frames int) (sent []byte, opened []uint32) {
	t.Helper()
	var buf bytes.Buffer
	buf.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&buf, nil)
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(framer.WriteSettings())
	last := uint32(0)
	block := func() []byte { return make([]byte, random.IntN(300)) }
	for range frames {
		switch random.IntN(8) {
		case 0, 1, 2:
			last += 2 * uint32(1+random.IntN(3))
			stream := last - 1
			opened = append(opened, stream)
			parts := random.IntN(3)
			check(framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block(), EndHeaders: parts == 0, EndStream: random.IntN(2) == 0}))
			for i := range parts {
				check(framer.WriteContinuation(stream, i == parts-1, block()))
			}
		case 3:
			check(framer.WriteData(1, random.IntN(2) == 0, make([]byte, random.IntN(40_000))))
		case 4:
			check(framer.WritePing(false, [8]byte{}))
		case 5:
			check(framer.WriteWindowUpdate(0, 1))
		case 6:
			check(framer.WriteSettingsAck())
		case 7:
			if last > 0 { // trailers
				check(framer.WriteHeaders(http2.HeadersFrameParam{StreamID: last - 1, BlockFragment: block(), EndHeaders: true, EndStream: true}))
			}
		}
	}
	return buf.Bytes(), opened
}

// chopped is a connection that delivers in pieces of any size.
type chopped struct {
	net.Conn
	random *rand.Rand
	left   []byte
}

func (c *chopped) SetReadDeadline(time.Time) error { return nil }

func (c *chopped) Read(p []byte) (int, error) {
	if len(c.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.left[:1+c.random.IntN(len(c.left))])
	c.left = c.left[n:]
	return n, nil
}

// TestReadsStopAfterHeaders reads what clients send, in pieces of any size, and sees that each
// stream is known when the last byte of its headers has been read, and before anything after it is.
func TestReadsStopAfterHeaders(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		sent, want := traffic(t, random, 50)
		told := new(lastOpened)
		c := New(&chopped{random: random, left: sent}, time.Hour, told)
		var got []byte
		var opened []uint32
		buf := make([]byte, 1+random.IntN(40_000))
		for {
			n, err := c.Read(buf)
			got = append(got, buf[:n]...)
			if stream := told.stream; stream != 0 {
				opened = append(opened, stream)
				told.stream = 0
				if !endsWithHeaders(t, got, stream) {
					t.Fatalf("seed %d: a read goes on after the headers of stream %d", seed, stream)
				}
			}
			if err == io.EOF {
				break
			}
		}
		if !bytes.Equal(got, sent) {
			t.Fatalf("seed %d: %d bytes were read, %d were sent, or they differ", seed, len(got), len(sent))
		}
		if !slices.Equal(opened, want) {
			t.Fatalf("seed %d: streams %v were opened, want %v", seed, opened, want)
		}
	}
}

// endsWithHeaders reports whether the last frame of what was read is of the stream, and ends
// headers.
func endsWithHeaders(t *testing.T, read []byte, stream uint32) bool {
	t.Helper()
	framer := http2.NewFramer(io.Discard, bytes.NewReader(read[len(preface):]))
	framer.SetMaxReadFrameSize(1 << 24)
	var last http2.FrameHeader
	for {
		frame, err := framer.ReadFrame()
		if err == io.EOF {
			return last.StreamID == stream && last.Flags.Has(http2.FlagHeadersEndHeaders)
		}
		if err != nil {
			t.Fatal(err)
		}
		last = frame.Header()
	}
}

// lastOpened is the stream that was opened last.
type lastOpened struct{ stream uint32 }

func (l *lastOpened) Opened(stream uint32) { l.stream = stream }
func (*lastOpened) Reset(uint32)           {}
func (*lastOpened) Writing()               {}
func (*lastOpened) Written(_, _ []uint32)  {}
