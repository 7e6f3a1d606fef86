package hub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// message is what rooms of the tests carry: a text, which is the room key in calls, and a number.
type message = kindsv1.Request

type (
	messages = runtime.Stream[message]
	member   = hub.Member[message]
)

func numbered(n int32) *message { return &message{Count: n} }

func join(
	t testing.TB, h *hub.Hub[message], room string, opts ...hub.MemberOption,
) *hub.Member[message] {
	t.Helper()
	m, err := h.Join(t.Context(), room, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Leave(context.Background()) })
	return m
}

func publish(t testing.TB, h *hub.Hub[message], room string, numbers ...int32) {
	t.Helper()
	for _, n := range numbers {
		if err := h.Publish(t.Context(), room, numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// waiting returns the numbers of the messages that wait for a member, without waiting for more,
// and its error.
func waiting(m *hub.Member[message]) (numbers []int32, err error) {
	n, _ := m.Queued()
	ctx, cancel := context.WithCancel(context.Background())
	if n == 0 {
		cancel()
	}
	defer cancel()
	for msg, err := range m.Messages(ctx) {
		if err != nil {
			if errors.Is(err, context.Canceled) {
				err = nil
			}
			return numbers, err
		}
		if numbers = append(numbers, msg.GetCount()); msg.GetCount() >= 0 {
			n--
		}
		if n == 0 {
			cancel()
		}
	}
	return numbers, nil
}

func wantWaiting(t testing.TB, m *hub.Member[message], want ...int32) {
	t.Helper()
	if got, err := waiting(m); !slices.Equal(got, want) || err != nil {
		t.Errorf("received %v, %v, want %v", got, err, want)
	}
}

func wantError(t testing.TB, err error, code codes.Code, reason rpcerr.Reason) {
	t.Helper()
	if status.Code(err) != code || rpcerr.ReasonOf(err) != reason {
		t.Errorf("got %v (%s), want %v, %s", err, rpcerr.ReasonOf(err), code, reason)
	}
}

func TestMembersReceiveWhatIsPublishedInTheirRoom(t *testing.T) {
	h := hub.New[message]()
	a, b, c := join(t, h, "x"), join(t, h, "x"), join(t, h, "y")
	publish(t, h, "x", 1, 2)
	publish(t, h, "y", 3)
	publish(t, h, "nobody", 4)
	if err := h.Publish(t.Context(), "x", numbered(5), hub.Except(b)); err != nil {
		t.Fatal(err)
	}
	if err := b.Send(t.Context(), numbered(6)); err != nil {
		t.Fatal(err)
	}
	wantWaiting(t, a, 1, 2, 5)
	wantWaiting(t, b, 1, 2, 6)
	wantWaiting(t, c, 3)
}

func TestRoomsEndWithTheirMembers(t *testing.T) {
	h := hub.New[message]()
	ctx := context.Background()
	for i := range 3 {
		a, b := join(t, h, "x"), join(t, h, "x")
		publish(t, h, "x", int32(i))
		if got := h.Stats(); got.Rooms != 1 || got.Members != 2 || got.Bytes == 0 && i > 0 {
			t.Errorf("got %+v", got)
		}
		a.Leave(ctx)
		a.Leave(ctx)
		if got := h.Members("x"); len(got) != 1 || got[0] != b {
			t.Errorf("got %v", got)
		}
		if err := a.Send(ctx, numbered(1)); err != hub.ErrLeft {
			t.Errorf("Send to a member that has left: %v", err)
		}
		for range a.Messages(ctx) {
			t.Error("a member that has left receives")
		}
		b.Leave(ctx)
		if got := (h.Stats()); got != (hub.Stats{}) {
			t.Errorf("after all have left: %+v", got)
		}
	}
}

// TestAllMembersReceiveInOneOrder has many publishers in one room.
func TestAllMembersReceiveInOneOrder(t *testing.T) {
	servicetest.NoLeaks(t)
	const members, publishers, each = 20, 8, 50
	h := hub.New[message](hub.WithQueue(publishers * each))
	var done sync.WaitGroup
	received := make([][]int32, members)
	for i := range members {
		opts := []hub.MemberOption{hub.WithQueue(publishers * each)}
		if i%2 == 0 {
			opts = []hub.MemberOption{hub.WithQueue(2), hub.WithBlock(time.Minute)}
		}
		m := join(t, h, "x", opts...)
		done.Go(func() {
			for msg, err := range m.Messages(t.Context()) {
				if err != nil {
					t.Error(err)
					return
				}
				if received[i] = append(received[i], msg.GetCount()); len(received[i]) == publishers*each {
					return
				}
			}
		})
	}
	for p := range publishers {
		done.Go(func() {
			for n := range each {
				publish(t, h, "x", int32(p*each+n))
			}
		})
	}
	done.Wait()
	for i := range received {
		if !slices.Equal(received[i], received[0]) {
			t.Fatalf("member %d received another order than member 0", i)
		}
	}
}

func TestLimitsOfRooms(t *testing.T) {
	owned := func(id string) context.Context {
		return runtime.WithOrigin(t.Context(), runtime.Origin{Principal: runtime.NewPrincipal(id)})
	}
	h := hub.New[message](hub.WithMaxRooms(3), hub.WithMaxMembers(2), hub.WithMaxPerPrincipal(3))
	must := func(ctx context.Context, room string) *hub.Member[message] {
		t.Helper()
		m, err := h.Join(ctx, room)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	fails := func(ctx context.Context, room string, code codes.Code, reason rpcerr.Reason) {
		t.Helper()
		m, err := h.Join(ctx, room)
		if m != nil {
			t.Error("joined")
		}
		wantError(t, err, code, reason)
	}
	first := must(owned("ann"), "a")
	must(owned("ann"), "b")
	must(owned("ann"), "c")
	fails(owned("ann"), "c", codes.ResourceExhausted, hub.ReasonTooManyMemberships)
	must(owned("bob"), "a")
	fails(owned("bob"), "a", codes.ResourceExhausted, hub.ReasonRoomFull)
	fails(owned("bob"), "d", codes.ResourceExhausted, hub.ReasonTooManyRooms)
	first.Leave(t.Context())
	must(owned("ann"), "a")
	fails(owned("eve"), "", codes.InvalidArgument, hub.ReasonRoomInvalid)
	fails(owned("eve"), strings.Repeat("x", 257), codes.InvalidArgument, hub.ReasonRoomInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Join(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := h.Stats(); got.Rooms != 3 || got.Members != 4 {
		t.Errorf("got %+v", got)
	}
}

func TestMembersHaveNames(t *testing.T) {
	h := hub.New[message]()
	ctx := runtime.WithOrigin(t.Context(), runtime.Origin{Principal: runtime.NewPrincipal("ann")})
	ann, err := h.Join(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	bob := join(t, h, "x", hub.WithMemberName("bob"))
	nobody := join(t, h, "x")
	var names []string
	for _, m := range h.Members("x") {
		names = append(names, m.Name())
	}
	if !slices.Equal(names, []string{"ann", "bob", ""}) || ann.Principal().ID != "ann" ||
		nobody.Principal() != nil || bob.Room() != "x" {
		t.Errorf("got %q", names)
	}
}

func TestPresence(t *testing.T) {
	var seen []string
	var h *hub.Hub[message]
	h = hub.New[message](hub.WithPresence(func(m *hub.Member[message], event hub.Presence) *message {
		others := len(h.Members("x")) // no lock is held
		seen = append(seen, fmt.Sprintf("%s %d %d", m.Name(), event, others))
		if m.Name() == "quiet" {
			return nil
		}
		return numbered(int32(event) * 100)
	}))
	a, b := join(t, h, "x", hub.WithMemberName("a")), join(t, h, "x", hub.WithMemberName("b"))
	publish(t, h, "x", 7)
	join(t, h, "x", hub.WithMemberName("quiet"))
	b.Leave(t.Context())
	b.Leave(t.Context())
	wantWaiting(t, a, 100, 100, 7, 200)
	if want := []string{"a 1 0", "b 1 1", "quiet 1 2", "b 2 2"}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
}

// TestDisconnectedMembersLeaveOnce checks that the notice follows when the member's call leaves.
func TestDisconnectedMembersLeaveOnce(t *testing.T) {
	left := 0
	h := hub.New[message](hub.WithPresence(func(_ *hub.Member[message], event hub.Presence) *message {
		if event == hub.Left {
			left++
		}
		return nil
	}))
	m := join(t, h, "x")
	banned := status.Error(codes.PermissionDenied, "banned")
	m.Disconnect(banned)
	if len(h.Members("x")) != 0 || left != 0 {
		t.Errorf("%d members, %d have left", len(h.Members("x")), left)
	}
	if _, err := waiting(m); err != banned {
		t.Errorf("got %v", err)
	}
	m.Leave(t.Context())
	m.Leave(t.Context())
	if left != 1 {
		t.Errorf("left %d times", left)
	}
}

// TestAMemberThatIsDisconnectedByItsOwnNotice must not stay in the room, nor be counted twice.
func TestAMemberThatIsDisconnectedByItsOwnNotice(t *testing.T) {
	var end error
	h := hub.New[message](hub.WithPresence(func(m *hub.Member[message], event hub.Presence) *message {
		m.Disconnect(end)
		return nil
	}))
	if _, err := h.Join(t.Context(), "x"); err != hub.ErrLeft {
		t.Errorf("got %v", err)
	}
	end = status.Error(codes.PermissionDenied, "banned")
	if _, err := h.Join(t.Context(), "x"); err != end {
		t.Errorf("got %v", err)
	}
	if got := h.Stats(); got != (hub.Stats{}) {
		t.Errorf("got %+v", got)
	}
}

// TestANoticeThatOverflowsItsMember sends more to a member that joins than its queue takes.
func TestANoticeThatOverflowsItsMember(t *testing.T) {
	greet := false
	h := hub.New[message](hub.WithQueue(1), hub.WithPresence(func(m *hub.Member[message], event hub.Presence) *message {
		for n := range int32(3) {
			if greet && event == hub.Joined {
				_ = m.Send(context.Background(), numbered(n))
			}
		}
		return nil
	}))
	rejected := func() {
		t.Helper()
		greet = true
		_, err := h.Join(t.Context(), "x")
		wantError(t, err, codes.ResourceExhausted, hub.ReasonSlowConsumer)
		greet = false
	}
	rejected()
	if got := h.Stats(); got != (hub.Stats{}) {
		t.Errorf("got %+v", got)
	}
	a, b := join(t, h, "x"), join(t, h, "x")
	rejected()
	if got := h.Stats(); len(h.Members("x")) != 2 || got.Members != 2 {
		t.Errorf("got %v, %+v", h.Members("x"), got)
	}
	publish(t, h, "x", 1)
	wantWaiting(t, a, 1)
	wantWaiting(t, b, 1)
}

func TestAPanicOfANoticeLeavesNothing(t *testing.T) {
	h := hub.New[message](hub.WithPresence(func(*hub.Member[message], hub.Presence) *message {
		panic("boom")
	}))
	func() {
		defer func() { _ = recover() }()
		_, _ = h.Join(t.Context(), "x")
		t.Error("no panic")
	}()
	if got := h.Stats(); got != (hub.Stats{}) {
		t.Errorf("got %+v", got)
	}
}

func TestMistakesInOptions(t *testing.T) {
	for _, h := range []*hub.Hub[message]{
		hub.New[message](hub.WithGap(func(int) *kindsv1.Response { return nil })),
		hub.New[message](hub.WithConflate((*kindsv1.Response).GetText)),
		hub.New[message](hub.WithPresence(
			func(*hub.Member[kindsv1.Response], hub.Presence) *kindsv1.Response { return nil },
		)),
	} {
		_, err := h.Join(t.Context(), "x")
		wantError(t, err, codes.Internal, rpcerr.ReasonInternal)
		wantError(t, h.Publish(t.Context(), "x", numbered(1)), codes.Internal, rpcerr.ReasonInternal)
	}
	_, err := hub.New[int]().Join(t.Context(), "x")
	wantError(t, err, codes.Internal, rpcerr.ReasonInternal)
	err = hub.New[message]().Publish(t.Context(), "x", nil)
	wantError(t, err, codes.Internal, rpcerr.ReasonInternal)
	err = hub.New[message]().Publish(t.Context(), "", numbered(1))
	wantError(t, err, codes.InvalidArgument, hub.ReasonRoomInvalid)
}

func TestMessagesEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New[message]()
		m := join(t, h, "x")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var got error
		for _, err := range m.Messages(ctx) {
			got = err
		}
		if got != context.Canceled || len(h.Members("x")) != 1 {
			t.Errorf("got %v", got)
		}
		publish(t, h, "x", 1) // the member is still there
		wantWaiting(t, m, 1)
	})
}

// TestMessagesThatCannotBeEncoded holds that only the publisher of such a message has an error.
func TestMessagesThatCannotBeEncoded(t *testing.T) {
	presence := hub.WithPresence(func(m *member, event hub.Presence) *message {
		if event == hub.Joined && m.Name() == "broken" {
			return &message{Text: "\xff"}
		}
		return nil
	})
	h := hub.New[message](presence)
	a, b := join(t, h, "x"), join(t, h, "x")
	broken := &message{Text: "a\xff"}
	for name, err := range map[string]error{"Publish": h.Publish(t.Context(), "x", broken), "Send": b.Send(t.Context(), broken)} {
		wantError(t, err, codes.Internal, rpcerr.ReasonInternal)
		if cause := errors.Unwrap(err); cause == nil || !strings.Contains(cause.Error(), "Request.text has invalid UTF-8") {
			t.Errorf("%s: %v", name, cause)
		}
	}
	if _, err := h.Join(t.Context(), "x", hub.WithMemberName("broken")); status.Code(err) != codes.Internal {
		t.Errorf("Join with a notice that cannot be encoded: %v", err)
	}
	publish(t, h, "x", 7)
	wantWaiting(t, a, 7)
	wantWaiting(t, b, 7)
}
