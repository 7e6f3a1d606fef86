package connpool

import (
	"bytes"
	"math"
	"net"
	"slices"
	"testing"
	"testing/iotest"

	"golang.org/x/net/http2"
)

// readerConn is a connection that only reads.
type readerConn struct {
	net.Conn
	read func([]byte) (int, error)
}

func (c readerConn) Read(b []byte) (int, error) { return c.read(b) }

// limitsIn returns the limits that are reported while text is read.
func limitsIn(t *testing.T, text []byte, oneByOne bool) (limits []uint32) {
	t.Helper()
	r := iotest.DataErrReader(bytes.NewReader(text))
	if oneByOne {
		r = iotest.OneByteReader(r)
	}
	c := &settingsConn{
		Conn:   readerConn{read: r.Read},
		report: func(limit uint32) { limits = append(limits, limit) },
	}
	var got []byte
	for b := make([]byte, 1000); ; {
		n, err := c.Read(b)
		got = append(got, b[:n]...)
		if err != nil {
			break
		}
	}
	if !bytes.Equal(got, text) {
		t.Errorf("read %q; want %q", got, text)
	}
	if c.report == nil && c.head != nil {
		t.Error("it keeps what it has parsed")
	}
	return limits
}

func frames(write func(*http2.Framer)) []byte {
	var b bytes.Buffer
	write(http2.NewFramer(&b, nil))
	return b.Bytes()
}

func TestLimitInSettings(t *testing.T) {
	limit := func(n uint32) http2.Setting { return http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: n} }
	window := http2.Setting{ID: http2.SettingInitialWindowSize, Val: 70000}
	for name, tt := range map[string]struct {
		text []byte
		want []uint32
	}{
		"nothing":      {nil, nil},
		"no setting":   {frames(func(f *http2.Framer) { f.WriteSettings() }), []uint32{math.MaxUint32}},
		"no limit":     {frames(func(f *http2.Framer) { f.WriteSettings(window) }), []uint32{math.MaxUint32}},
		"a limit":      {frames(func(f *http2.Framer) { f.WriteSettings(window, limit(50)) }), []uint32{50}},
		"two limits":   {frames(func(f *http2.Framer) { f.WriteSettings(limit(50), limit(7)) }), []uint32{7}},
		"a second one": {frames(func(f *http2.Framer) { f.WriteSettings(limit(50)); f.WriteSettings(limit(7)) }), []uint32{50}},
		"another frame first": {
			frames(func(f *http2.Framer) { f.WritePing(false, [8]byte{}); f.WriteSettings(limit(50)) }), nil,
		},
		"not HTTP/2":  {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), nil},
		"a cut frame": {frames(func(f *http2.Framer) { f.WriteSettings(window, limit(50)) })[:20], nil},
	} {
		for _, oneByOne := range []bool{false, true} {
			if got := limitsIn(t, tt.text, oneByOne); !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v; want %v", name, got, tt.want)
			}
		}
	}
}

func TestLimitReservesStreamsOfHealthChecks(t *testing.T) {
	for _, tt := range []struct{ granted, reserved, want uint32 }{
		{100, 0, 100}, {100, 1, 99}, {1, 1, 1}, {0, 0, 1}, {0, 1, 1},
		{math.MaxUint32, 0, closedUsage - 1}, {math.MaxUint32, 1, closedUsage - 1},
	} {
		c := &conn{server: &server{reserved: tt.reserved}}
		c.setLimit(tt.granted)
		if got := c.limit.Load(); got != tt.want {
			t.Errorf("%d of %d reserved: %d; want %d", tt.reserved, tt.granted, got, tt.want)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte("HTTP/1.1 400"))
	f.Add(frames(func(f *http2.Framer) { f.WriteSettings(http2.Setting{ID: 3, Val: 50}) }))
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, again := limitsIn(t, text, false), limitsIn(t, text, true); !slices.Equal(got, again) {
			t.Errorf("%v in one piece, %v by bytes", got, again)
		}
	})
}
