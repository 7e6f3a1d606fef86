//go:build !race

// The race detector adds allocations.

package digest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// large is the size of the requests of the tests.
const large = 1 << 20

// hostile are messages whose fields nobody knows, and which cost the most to bring into order.
func hostile() map[string][]byte {
	alternating := bytes.Repeat([]byte("\x08\x01\x10\x01"), large/4)
	shapes := map[string][]byte{
		"alternating fields":     alternating,
		"entries of one key":     bytes.Repeat([]byte("\x0a\x04\x08\x01\x10\x01"), large/6),
		"small messages":         bytes.Repeat([]byte("\x0a\x04\x10\x01\x08\x01"), large/6),
		"nearly a message":       protowire.AppendBytes([]byte("\x0a"), append(bytes.Clone(alternating), 0)),
		"alternating, in groups": inGroups(alternating, 9),
	}
	for i := range uint64(large / 7) {
		mixed := i * 2654435761
		number := protowire.Number(1 + mixed%uint64(protowire.MaxValidNumber))
		shapes["large numbers"] = protowire.AppendVarint(protowire.AppendTag(shapes["large numbers"], number, protowire.VarintType), 1)
		shapes["entries"] = appendEntry(shapes["entries"], protowire.AppendVarint([]byte("\x08"), mixed%(1<<21)))
		if i%16 == 0 {
			key := fmt.Sprintf("%090d", mixed%(1<<32))
			shapes["entries of long keys"] = appendEntry(shapes["entries of long keys"], protowire.AppendString([]byte("\x0a"), key))
		}
	}
	return shapes
}

func appendEntry(to, key []byte) []byte {
	return protowire.AppendBytes(append(to, 0x0a), append(key, 0x10, 0x01))
}

// inGroups returns a message in groups of large numbers, whose fields are out of order too.
func inGroups(message []byte, depth int) []byte {
	for i := range depth {
		number := protowire.MaxValidNumber - protowire.Number(i)
		around := protowire.AppendGroup(protowire.AppendTag(nil, number, protowire.StartGroupType), number, message)
		message = append(around, 0x08, 0x01)
	}
	return message
}

// deep returns a message that the server knows in every depth, with two fields that it does not
// know, out of order, beside each message in it.
func deep() proto.Message {
	value := structpb.NewNullValue()
	for range 4000 {
		value.ProtoReflect().SetUnknown([]byte("\xa8\x01\x00\xa0\x01\x00\x98\x01\x00"))
		value = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{value}})
	}
	return value
}

// TestReadingIsLinear checks that a message is read a fixed number of times, whatever it holds.
func TestReadingIsLinear(t *testing.T) {
	messages := map[string]proto.Message{"deep": deep()}
	for name, fields := range hostile() {
		messages[name] = withUnknown(fields)
	}
	for name, msg := range messages {
		wire, err := proto.Marshal(msg)
		if err != nil {
			t.Fatal(err)
		}
		w := writer{ctx: t.Context(), pending: make([]byte, 0, maxPending)}
		if !w.message(wire, msg.ProtoReflect().Descriptor(), 0) {
			t.Errorf("%s: no message", name)
		}
		if most := 32 * len(wire); w.read > most {
			t.Errorf("%s: %d bytes read, of a message of %d; at most %d", name, w.read, len(wire), most)
		}
	}
}

// TestMemoryIsLinear checks how much a digest allocates in all.
func TestMemoryIsLinear(t *testing.T) {
	messages := map[string]proto.Message{"deep": deep()}
	for name, fields := range hostile() {
		messages[name] = withUnknown(fields)
	}
	for name, msg := range messages {
		got := allocated(func() {
			if _, err := Of(t.Context(), msg); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		if most := 6*proto.Size(msg) + 32<<10; got > most {
			t.Errorf("%s: %d bytes allocated for a message of %d; at most %d", name, got, proto.Size(msg), most)
		}
	}
}

// lapsing is a context that is done once it has been asked a number of times.
type lapsing struct {
	context.Context
	asks  int
	lapse func() // called when it is found to be done
}

func (c *lapsing) Err() error {
	if c.asks--; c.asks >= 0 {
		return nil
	}
	c.lapse()
	return context.DeadlineExceeded
}

// TestADigestEndsWithItsContext checks that little is read once the context is done, at whatever
// step.
func TestADigestEndsWithItsContext(t *testing.T) {
	for name, fields := range hostile() {
		for asks := 0; ; asks = 3*asks/2 + 1 {
			w, before := writer{pending: make([]byte, 0, maxPending)}, 0
			w.ctx = &lapsing{t.Context(), asks, func() { before = w.read }}
			w.message(fields, nil, 0)
			if w.err == nil {
				break
			}
			if after := w.read - before; after > len(fields) { // to the end of the pass that it was in
				t.Errorf("%s: %d bytes read after the context was done at %d", name, after, before)
			}
		}
	}
	for asks := range 2 {
		_, err := Of(&lapsing{t.Context(), asks, func() {}}, withUnknown(hostile()["entries"]))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the error of the context", err)
		}
	}
}

// TestMessagesThatAreTooLargeHaveNone checks that they are not even encoded.
func TestMessagesThatAreTooLargeHaveNone(t *testing.T) {
	if _, err := Of(t.Context(), withUnknown(sized(MaxSize))); err != nil {
		t.Errorf("the largest message: %v", err)
	}
	msg := withUnknown(sized(MaxSize + 1))
	var err error
	got := allocated(func() { _, err = Of(t.Context(), msg) })
	if status.Code(err) != codes.ResourceExhausted || rpcerr.ReasonOf(err) != rpcerr.ReasonRequestTooLarge {
		t.Errorf("got %v, want RESOURCE_EXHAUSTED, REQUEST_TOO_LARGE", err)
	}
	if got > 64<<10 {
		t.Errorf("%d bytes allocated for a message that is rejected", got)
	}
}

// sized returns one field of a size.
func sized(size int) []byte {
	const head = 5
	return protowire.AppendBytes([]byte("\x0a"), make([]byte, size-head))
}

func withUnknown(fields []byte) proto.Message {
	msg := &emptypb.Empty{}
	msg.ProtoReflect().SetUnknown(fields)
	return msg
}

// allocated returns how many bytes f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}
