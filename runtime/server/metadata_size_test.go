package server_test

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestLargeMetadataEndsNoOtherCall has a client send much metadata that does not look at what the
// server takes, while another call over its connection runs.
func TestLargeMetadataEndsNoOtherCall(t *testing.T) {
	many := make([][2]string, 2000)
	for i := range many {
		many[i] = [2]string{"x-" + strconv.Itoa(i), strings.Repeat("v", 400)}
	}
	for name, metadata := range map[string][][2]string{
		"a value of 100 KiB":                 {{"x-large", strings.Repeat("v", 100<<10)}},
		"64 KiB after compression":           {{"x-large", strings.Repeat("0", 64<<10*8/5)}}, // 5 bits each
		"900 KiB in 2000 values":             many,
		"a value of 900 KiB, not compressed": {{"x-large", strings.Repeat("~", 900<<10)}},
	} {
		t.Run(name, func(t *testing.T) {
			gate := newGate()
			srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0))
			server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(gate.pass))
			client, answers := dialRaw(t, echotest.ListenAndServe(t, srv))
			client.call(t, 1, nil)
			echotest.Within(t, gate.entered)
			client.call(t, 3, metadata)
			echotest.Within(t, gate.entered)
			close(gate.open)
			for range 2 {
				if got := echotest.Within(t, answers); got.status != "0" {
					t.Errorf("call %d got status %s", got.stream, got.status)
				}
			}
		})
	}
}

// rawClient sends calls as they are.
type rawClient struct {
	framer  *http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
}

// call sends a call of One with an empty request.
func (c *rawClient) call(t *testing.T, stream uint32, metadata [][2]string) {
	t.Helper()
	c.callPath(t, stream, "/test.v1.Echo/One", metadata)
}

// callPath sends a call with an empty request.
func (c *rawClient) callPath(t *testing.T, stream uint32, path string, metadata [][2]string) {
	t.Helper()
	for _, field := range append([][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "test"},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	}, metadata...) {
		if err := c.encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			t.Fatal(err)
		}
	}
	for first := true; first || c.block.Len() > 0; first = false {
		part := bytes.Clone(c.block.Next(16 << 10))
		var err error
		if first {
			err = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: part, EndHeaders: c.block.Len() == 0})
		} else {
			err = c.framer.WriteContinuation(stream, c.block.Len() == 0, part)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.framer.WriteData(stream, true, []byte{0, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
}

// readAnswers sends what streams end with, until the connection ends.
func readAnswers(framer *http2.Framer, answers chan<- rawAnswer) {
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		if headers, ok := frame.(*http2.MetaHeadersFrame); ok && headers.StreamEnded() {
			for _, field := range headers.RegularFields() {
				if field.Name == "grpc-status" {
					answers <- rawAnswer{headers.StreamID, field.Value}
				}
			}
		}
	}
}

// TestStockClientsKeepTheLimit has grpc-go's client send less than the server takes, and more.
func TestStockClientsKeepTheLimit(t *testing.T) {
	srv := echotest.Start(t, echotest.Behaving(succeed))
	for size, want := range map[int]codes.Code{200 << 10: codes.OK, 2 << 20: codes.Internal} {
		ctx := metadata.AppendToOutgoingContext(echotest.Context(t), "x-large", strings.Repeat("v", size))
		if err := echotest.Kinds["One"](ctx, srv.Conn); status.Code(err) != want {
			t.Errorf("%d bytes: %v, want %v", size, err, want)
		}
	}
	if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err != nil {
		t.Errorf("a call after them: %v", err)
	}
}
