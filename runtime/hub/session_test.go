package hub_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	proto2v1 "github.com/grpcservice/grpcservice/internal/e2e/gen/matrix/proto2/v1"
	uploadv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// converse makes a call of a method with a room key, outside a server, that ends with its requests.
func converse[M any](t *testing.T, field string, reqs ...*M) ([]*M, error) {
	t.Helper()
	type service interface {
		Talk(context.Context, runtime.Stream[M]) runtime.Stream[M]
	}
	method := hub.Of(chatTable.Methods()[0], service.Talk, hub.Fields{Room: field})
	return stream.Collect(method.Serve(t.Context(), stream.Of(reqs...), hub.New[M](),
		hub.Handler[M, M]{EndWithRequests: true}))
}

func TestACallThatEndsWithItsRequestsSendsWhatWaits(t *testing.T) {
	servicetest.NoLeaks(t)
	msgs, err := converse(t, "text", &message{Text: "x", Count: 1}, numbered(2), numbered(3))
	if err != nil || len(msgs) != 3 {
		t.Errorf("received %v, %v", msgs, err)
	}
	r := serve(t, hub.New[message](), handler{EndWithRequests: true})
	c := r.enter(t, &message{Text: "x", Count: 1}, numbered(2))
	c.CloseSend()
	wantReplies(t, c, 1, 2)
	c = r.enter(t, &message{Text: "x", Count: 1}, numbered(2))
	c.Close()
	r.awaitMembers(t, "x", 0)
	if got := r.hub.Stats(); got != (hub.Stats{}) {
		t.Errorf("got %+v", got)
	}
}

func TestMessagesGetTheKeyThatTheyLack(t *testing.T) {
	msgs, err := converse(t, "count", &message{Text: "a", Count: 7}, &message{Text: "b"})
	if err != nil || len(msgs) != 2 || msgs[1].GetCount() != 7 || msgs[1].GetText() != "b" {
		t.Errorf("received %v, %v", msgs, err)
	}
}

// TestAKeyInAOneofReplacesNoOtherArm publishes messages whose arm is not that of the key.
func TestAKeyInAOneofReplacesNoOtherArm(t *testing.T) {
	type request = uploadv1.UploadVideoRequest
	header := &uploadv1.VideoHeader{Name: "x"}
	first := &request{Part: &uploadv1.UploadVideoRequest_Header{Header: header}}
	later := &request{Part: &uploadv1.UploadVideoRequest_Data{Data: []byte("hello")}}
	msgs, err := converse(t, "header.name", first, later)
	if err != nil || len(msgs) != 1 || string(msgs[0].GetData()) != "hello" {
		t.Errorf("received %v, %v", msgs, err)
	}
}

// TestAKeyMayEqualItsDefault has keys that are set, to the default of their field and to 0.
func TestAKeyMayEqualItsDefault(t *testing.T) {
	for _, count := range []int32{0, 1} {
		req := &proto2v1.OpenRequest{Text: proto.String("hello"), Count: proto.Int32(count)}
		if msgs, err := converse(t, "count", req); err != nil || len(msgs) != 1 {
			t.Errorf("%d: received %v, %v", count, msgs, err)
		}
	}
	_, err := converse(t, "count", &proto2v1.OpenRequest{Text: proto.String("hello")})
	wantError(t, err, codes.InvalidArgument, hub.ReasonRoomInvalid)
}

var errKicked = status.Error(codes.PermissionDenied, "kicked")

// TestNothingIsReceivedFromAMemberThatWasDisconnected has a client that does not notice, as it
// reads nothing.
func TestNothingIsReceivedFromAMemberThatWasDisconnected(t *testing.T) {
	servicetest.NoLeaks(t)
	blocked, read := make(chan struct{}), make(chan struct{})
	var received []int32
	handle := handler{Receive: func(ctx context.Context, m *hub.Member[message], req *message) error {
		received = append(received, req.GetCount())
		if req.GetCount() == 1 {
			_ = m.Send(ctx, numbered(1))
			<-blocked
			m.Disconnect(errKicked)
		}
		return nil
	}}
	reqs := func(yield func(*message, error) bool) {
		defer close(read)
		_ = yield(&message{Text: "x", Count: 1}, nil) && yield(numbered(2), nil)
	}
	var end error
	for _, err := range chat.Serve(t.Context(), reqs, hub.New[message](), handle) {
		if end = err; err == nil {
			close(blocked)
			<-read
		}
	}
	if end != errKicked || !slices.Equal(received, []int32{1}) {
		t.Errorf("received %v, %v", received, end)
	}
}

func TestAHistoryEndsWithItsMember(t *testing.T) {
	servicetest.NoLeaks(t)
	r := serve(t, hub.New[message](), handler{
		History: func(_ context.Context, m *hub.Member[message], _ *message) runtime.Stream[message] {
			return func(yield func(*message, error) bool) {
				for n := int32(1); yield(numbered(n), nil) && n < 1000; n++ {
					if n == 2 {
						m.Disconnect(errKicked)
					}
				}
			}
		},
	})
	c := r.enter(t, &message{Text: "x"})
	wantReplies(t, c, 1, 2)
	wantEnd(t, c, codes.PermissionDenied, "")
}

// TestLengthsOfKeys has the longest key, and one that is a byte longer.
func TestLengthsOfKeys(t *testing.T) {
	for n, reason := range map[int]rpcerr.Reason{256: "", 257: hub.ReasonRoomInvalid} {
		key := string(slices.Repeat([]byte("x"), n))
		if _, err := converse(t, "text", &message{Text: key, Count: 1}); rpcerr.ReasonOf(err) != reason {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
