package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	subscriptionv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/subscription/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// TestHistoryJoinsLive checks that a subscriber gets each event once and in order, also those that
// are appended while it reads history.
func TestHistoryJoinsLive(t *testing.T) {
	servicetest.NoLeaks(t)
	log := newLog(t, 500, eventlog.WithTail(50, 1<<20))
	done := make(chan struct{})
	go func() {
		defer close(done)
		add(t, log, 501, 2000)
	}()
	got, err := receive(subscribe.Serve(t.Context(), start(t, log), log), 2000)
	wantRange(t, got, err, 1, 2000)
	<-done
	for _, from := range []int{0, 777, 1998} {
		rest, err := receive(subscribe.Serve(t.Context(), &request{Position: got[from].GetNextPosition()}, log), 1999-from)
		wantRange(t, rest, err, int64(from+2), 2000)
		for i, e := range rest {
			if e.GetNextPosition() != got[from+1+i].GetNextPosition() {
				t.Fatalf("event %d has another position than before", e.GetId())
			}
		}
	}
}

// TestStoredEventsStay checks that positions are written into copies.
func TestStoredEventsStay(t *testing.T) {
	log := newLog(t, 1)
	got := want(t, subscribe.Serve(t.Context(), start(t, log), log), 1)
	if got[0].GetNextPosition() == "" {
		t.Error("the event has no position")
	}
	b, _ := log.Bounds(t.Context())
	for e := range log.Read(t.Context(), b.Earliest()) {
		if e.Message.GetNextPosition() != "" {
			t.Error("the stored event has a position")
		}
	}
	again := want(t, subscribe.Serve(t.Context(), start(t, log), log), 1)
	if again[0] != got[0] {
		t.Error("two subscribers got two copies of an event")
	}
}

// TestWithoutAStartOnlyNewEvents checks that events are sent from the time of the call.
func TestWithoutAStartOnlyNewEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 10)
		go func() {
			synctest.Wait() // the subscriber waits
			add(t, log, 11, 12)
		}()
		want(t, subscribe.Serve(t.Context(), nil, log), 11, 12)
	})
	log := newLog(t, 10)
	want(t, subscribe.Serve(t.Context(), nil, log, subscription.FromEarliest()), 1, 2, 3)
}

func TestSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 0)
		begin := time.Now()
		for id := range int64(10) {
			add(t, log, id+1, id+1)
			time.Sleep(time.Minute)
		}
		since := func(d time.Duration) *request { return &request{Since: timestamppb.New(begin.Add(d))} }
		want(t, subscribe.Serve(t.Context(), since(-time.Hour), log), 1, 2)
		want(t, subscribe.Serve(t.Context(), since(0), log), 1, 2)
		want(t, subscribe.Serve(t.Context(), since(4*time.Minute), log), 5, 6, 7, 8, 9, 10)
		want(t, subscribe.Serve(t.Context(), since(4*time.Minute+time.Nanosecond), log), 6, 7, 8, 9, 10)
		go func() {
			for id := int64(11); id <= 16; id++ {
				time.Sleep(time.Minute)
				add(t, log, id, id)
			}
		}()
		want(t, subscribe.Serve(t.Context(), since(15*time.Minute), log), 15, 16) // in the future
	})
}

// TestSinceOwnTime checks that the time in an event counts where there is one.
func TestSinceOwnTime(t *testing.T) {
	method := with(func(f *subscription.Fields) { f.Time = "time" })
	log := newLog(t, 0)
	now := time.Now()
	for id, before := range []time.Duration{0, time.Hour, time.Second, 3 * time.Hour, 0} {
		e := &event{Id: int64(id)}
		if id > 0 {
			e.Time = timestamppb.New(now.Add(-before))
		}
		if id == 4 {
			e.Time = timestamppb.New(now.Add(30 * time.Second))
		}
		if _, err := log.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	want(t, method.Serve(t.Context(), &request{Since: timestamppb.New(now.Add(-time.Minute))}, log), 0, 2, 4)
	want(t, method.Serve(t.Context(), &request{Since: timestamppb.New(now.Add(10 * time.Second))}, log), 4)
}

func TestLines(t *testing.T) {
	log := newLog(t, 0)
	levels := []string{"debug", "info", "error"}
	for id := range int64(9000) {
		e := &event{Id: id, Level: levels[id%3], Type: "common"}
		if id%1000 == 7 {
			e.Type = "rare"
		}
		if _, err := log.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	want(t, subscribe.Serve(t.Context(), &request{Lines: 3}, log), 8997, 8998, 8999)
	want(t, subscribe.Serve(t.Context(), &request{Lines: 2, Level: "ERROR"}, log), 8996, 8999)
	want(t, subscribe.Serve(t.Context(), &request{Lines: 3, Level: "info"}, log), 8996, 8998, 8999)
	want(t, subscribe.Serve(t.Context(), &request{Lines: 3, EventTypes: []string{"rare"}}, log), 6007, 7007, 8007)
	want(t, subscribe.Serve(t.Context(), &request{Lines: 100, EventTypes: []string{"rare"}}, log), 7, 1007, 2007)
	odd := subscription.WithFilter(func(e *event) bool { return e.GetId()%2 == 1 })
	want(t, subscribe.Serve(t.Context(), &request{Lines: 3}, log, odd), 8995, 8997, 8999)
	want(t, subscribe.Serve(t.Context(), &request{Lines: 5000}, log), 8000)
	want(t, subscribe.Serve(t.Context(), &request{Lines: 5000}, log, subscription.WithMaxLines(2)), 8998, 8999)
	want(t, subscribe.Serve(t.Context(), &request{Lines: 9000}, log, subscription.WithMaxLines(10000)), 0, 1)
	if err := log.Trim(t.Context(), position(t, log, 8998)); err != nil {
		t.Fatal(err)
	}
	want(t, subscribe.Serve(t.Context(), &request{Lines: 100}, log), 8998, 8999)
	tail := with(func(f *subscription.Fields) { f.Lines = "tail" })
	want(t, tail.Serve(t.Context(), &request{Tail: wrapperspb.Int64(1)}, log), 8999)
	for _, req := range []*request{{}, {Since: timestamppb.Now()}, start(t, log)} {
		req.Lines = -1
		_, err := receive(subscribe.Serve(t.Context(), req, log), 1)
		wantInvalid(t, err, "lines", subscription.ReasonStartInvalid)
	}
}

func position(t testing.TB, log *eventlog.Log[event], sequence uint64) eventlog.Position {
	t.Helper()
	b, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return eventlog.Position{Epoch: b.Epoch, Sequence: sequence}
}

func TestFilters(t *testing.T) {
	log := newLog(t, 0)
	for id, e := range []*event{
		{Type: "created", Kind: subscriptionv1.Kind_KIND_CREATED, Level: "warn", Severity: subscriptionv1.Severity_SEVERITY_INFO},
		{Type: "deleted", Kind: subscriptionv1.Kind_KIND_DELETED, Level: "Fatal", Severity: subscriptionv1.Severity_SEVERITY_ERROR},
		{Level: "verbose"},
		{Type: "created", Kind: subscriptionv1.Kind_KIND_CREATED, Level: "trace", Severity: subscriptionv1.Severity_SEVERITY_DEBUG},
	} {
		e.Id = int64(id)
		if _, err := log.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	all := subscription.FromEarliest()
	kinds := with(func(f *subscription.Fields) { f.Types, f.Type = "kinds", "kind" })
	kind := with(func(f *subscription.Fields) { f.Types, f.Type = "kind", "kind" })
	severities := with(func(f *subscription.Fields) { f.Level, f.EntryLevel = "severity", "severity" })
	for _, test := range []struct {
		method *subscription.Method[eventService, request, event]
		req    *request
		want   []int64
	}{
		{subscribe, &request{}, []int64{0, 1, 2, 3}},
		{subscribe, &request{EventTypes: []string{"created"}}, []int64{0, 3}},
		{subscribe, &request{EventTypes: []string{"", "deleted"}}, []int64{1, 2}},
		{subscribe, &request{Level: "warning"}, []int64{0, 1, 2}},
		{subscribe, &request{Level: "error", EventTypes: []string{"created", "deleted"}}, []int64{1}},
		{kinds, &request{Kinds: []subscriptionv1.Kind{1, 1}}, []int64{0, 3}},
		{kinds, &request{Kinds: []subscriptionv1.Kind{0, 2}}, []int64{1, 2}},
		{kind, &request{Kind: 2}, []int64{1}},
		{kind, &request{}, []int64{0, 1, 2, 3}},
		{severities, &request{Severity: 2}, []int64{0, 1, 2}},
		{severities, &request{Severity: 3}, []int64{1, 2}},
	} {
		want(t, test.method.Serve(t.Context(), test.req, log, all), test.want...)
	}
	for field, test := range map[string]struct {
		method *subscription.Method[eventService, request, event]
		req    *request
	}{
		"level":    {subscribe, &request{Level: "loud"}},
		"kinds":    {kinds, &request{Kinds: []subscriptionv1.Kind{1, 77}}},
		"severity": {severities, &request{Severity: -1}},
	} {
		_, err := receive(test.method.Serve(t.Context(), test.req, log), 1)
		wantInvalid(t, err, field, subscription.ReasonFilterInvalid)
	}
	for _, bad := range []*timestamppb.Timestamp{{Nanos: -1}, {Nanos: 1e9}, {Seconds: 1 << 60}, {Seconds: -1 << 40}} {
		_, err := receive(subscribe.Serve(t.Context(), &request{Since: bad}, log), 1)
		wantInvalid(t, err, "since", subscription.ReasonStartInvalid)
	}
}

// TestLostPositions checks that history which is gone is an error with the earliest position that
// is left.
func TestLostPositions(t *testing.T) {
	log := newLog(t, 10)
	token := tokenOf(t, log, 4)
	if err := log.Trim(t.Context(), position(t, log, 4)); err != nil {
		t.Fatal(err)
	}
	want(t, subscribe.Serve(t.Context(), &request{Position: token}, log), 5, 6)
	if err := log.Trim(t.Context(), position(t, log, 5)); err != nil {
		t.Fatal(err)
	}
	other := newLog(t, 3)
	for name, test := range map[string]struct {
		log    *eventlog.Log[event]
		token  string
		reason string
		first  int64
	}{
		"trimmed":     {log, token, "POSITION_EXPIRED", 6},
		"other log":   {other, token, "POSITION_UNKNOWN", 1},
		"beyond head": {log, tokenOf(t, log, 11), "POSITION_UNKNOWN", 6},
	} {
		_, err := receive(subscribe.Serve(t.Context(), &request{Position: test.token}, test.log), 1)
		var lost *subscription.NotRecovered
		if status.Code(err) != codes.OutOfRange || !errors.As(subscription.NotRecoveredForTest(err), &lost) ||
			reason(err) != test.reason {
			t.Fatalf("%s: got %v, %v", name, err, reason(err))
		}
		want(t, subscribe.Serve(t.Context(), &request{Position: lost.Earliest}, test.log), test.first)
	}
}

// TestASlowSubscriberIsTold checks that a subscriber whose events are trimmed before it reads them
// gets the error.
func TestASlowSubscriberIsTold(t *testing.T) {
	log := eventlog.New[event](eventlog.NewMemory(eventlog.WithMaxRecords(300)), eventlog.WithTail(10, 1<<20))
	add(t, log, 1, 100)
	next := int64(1)
	for e, err := range subscribe.Serve(t.Context(), start(t, log), log) {
		if err != nil {
			if reason(err) != "POSITION_EXPIRED" {
				t.Error(err)
			}
			break
		}
		if e.GetId() != next {
			t.Fatalf("event %d follows %d", e.GetId(), next-1)
		}
		if next++; next == 50 {
			add(t, log, 101, 1000)
		}
	}
	if next > 200 {
		t.Errorf("the subscriber got the events up to %d", next)
	}
}

// TestAChosenStartIsNeverLost checks that a client that sent no position gets no error for one,
// unless it is at the head of the log already.
func TestAChosenStartIsNeverLost(t *testing.T) {
	log := eventlog.New[event](eventlog.NewMemory(eventlog.WithMaxRecords(3)), eventlog.WithTail(1, 1))
	add(t, log, 0, 0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for id := int64(1); ; id++ {
			select {
			case <-stop:
				return
			default:
				_, _ = log.Append(context.Background(), &event{Id: id})
			}
		}
	}()
	defer func() { close(stop); <-done }()
	for range 300 {
		for _, req := range []*request{{}, {Lines: 3}, {Since: timestamppb.New(time.Unix(0, 0))}} {
			if _, err := receive(subscribe.Serve(t.Context(), req, log, subscription.FromEarliest()), 1); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestForgedPositions(t *testing.T) {
	log, other := newLog(t, 5, eventlog.WithName("one")), newLog(t, 5, eventlog.WithName("two"))
	token := tokenOf(t, log, 2)
	want(t, subscribe.Serve(t.Context(), &request{Position: token}, log), 3)
	want(t, subscribe.Serve(t.Context(), &request{Position: token + "."}, log), 3) // of a mark
	bad := map[string]string{
		"garbage": "garbage", "cut": token[:len(token)-1], "long": token + "A", "a dot": ".", "dots": token + "..",
		"another method": subscription.TokenForTest("/a.B/C", "one", position(t, log, 2)),
		"another log":    tokenOf(t, other, 2),
		"changed":        token[:20] + flipped(token[20:21]) + token[21:],
	}
	for name, text := range bad {
		_, err := receive(subscribe.Serve(t.Context(), &request{Position: text}, log), 1)
		wantInvalid(t, err, "position", subscription.ReasonPositionInvalid)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func flipped(letter string) string {
	if letter == "A" {
		return "B"
	}
	return "A"
}

func TestMisuse(t *testing.T) {
	log := newLog(t, 1)
	for text, change := range map[string]func(*subscription.Fields){
		"has no field nope":                    func(f *subscription.Fields) { f.Position = "nope" },
		"set both Position and NextPosition":   func(f *subscription.Fields) { f.Position = "" },
		"set both Types and Type":              func(f *subscription.Fields) { f.Type = "" },
		"set both Level and EntryLevel":        func(f *subscription.Fields) { f.EntryLevel = "" },
		"id is int64, not a string or bytes":   func(f *subscription.Fields) { f.NextPosition = "id" },
		"event_types is a list":                func(f *subscription.Fields) { f.Level = "event_types" },
		"different types":                      func(f *subscription.Fields) { f.Types = "kinds" },
		"level is string, not an integer":      func(f *subscription.Fields) { f.Lines = "level" },
		"not a google.protobuf.Timestamp":      func(f *subscription.Fields) { f.Since = "tail" },
		"id is int64, not a string or an enum": func(f *subscription.Fields) { f.Type = "id" },
	} {
		_, err := receive(with(change).Serve(t.Context(), nil, log), 1)
		wantInternal(t, err, text)
	}
	_, err := receive(subscribe.Serve(t.Context(), nil, nil), 1)
	wantInternal(t, err, "the log is nil")
	_, err = receive(subscribe.Serve(t.Context(), nil, log, subscription.WithFilter(func(*request) bool { return true })), 1)
	wantInternal(t, err, "WithFilter got func(*subscriptionv1.SubscribeRequest) bool")
	plain := with(func(f *subscription.Fields) { f.Position, f.NextPosition = "", "" })
	_, err = receive(plain.Resume(t.Context(), nil, nil), 1)
	wantInternal(t, err, "Resume needs fields for positions")
}

// TestWithoutPositions checks that a subscription without positions sends the events as they are
// stored.
func TestWithoutPositions(t *testing.T) {
	plain := with(func(f *subscription.Fields) { f.Position, f.NextPosition = "", "" })
	log := newLog(t, 3)
	got := want(t, plain.Serve(asking(t.Context()), nil, log, subscription.FromEarliest()), 1, 2, 3)
	if got[0].GetNextPosition() != "" {
		t.Error("the event has a position")
	}
}

// TestOtherLevels checks that positions are bytes in nested messages of the opaque API too, and
// that messages with required fields get no marks.
func TestOtherLevels(t *testing.T) {
	log := eventlog.New[subscriptionv1.WatchResponse](eventlog.NewMemory())
	for id := range int64(4) {
		if _, err := log.Append(t.Context(), subscriptionv1.WatchResponse_builder{Id: proto.Int64(id)}.Build()); err != nil {
			t.Fatal(err)
		}
	}
	type service = interface {
		Watch(context.Context, *subscriptionv1.WatchRequest) runtime.Stream[subscriptionv1.WatchResponse]
	}
	info := runtime.NewMethodInfo("subscription.v1.WatchService", "Watch", runtime.KindServerStream, runtime.Policy{})
	watch := subscription.Of(info, service.Watch, subscription.Fields{Position: "start.cursor", NextPosition: "mark.cursor"})
	var req *subscriptionv1.WatchRequest
	next := int64(0)
	for range 2 {
		n := 0
		for resp, err := range watch.Serve(asking(t.Context()), req, log, subscription.FromEarliest()) {
			if err != nil {
				t.Fatal(err)
			}
			if resp.GetId() != next {
				t.Fatalf("got event %d, want %d", resp.GetId(), next)
			}
			next++
			req = subscriptionv1.WatchRequest_builder{
				Start: subscriptionv1.WatchRequest_Start_builder{Cursor: resp.GetMark().GetCursor()}.Build(),
			}.Build()
			if n++; n == 2 {
				break
			}
		}
	}
	required := eventlog.New[subscriptionv1.RequiredEvent](eventlog.NewMemory())
	type requiredService = interface {
		Watch(context.Context, *request) runtime.Stream[subscriptionv1.RequiredEvent]
	}
	strict := subscription.Of(info, requiredService.Watch, subscription.Fields{Position: "position", NextPosition: "next_position"})
	synctest.Test(t, func(t *testing.T) {
		go func() {
			time.Sleep(time.Hour)
			_, _ = required.Append(t.Context(), &subscriptionv1.RequiredEvent{Id: proto.Int64(5)})
		}()
		for e, err := range strict.Serve(asking(t.Context()), nil, required) {
			if err != nil || e.GetId() != 5 || e.GetNextPosition() == "" {
				t.Errorf("got %v, %v", e, err)
			}
			break
		}
	})
}

// TestMarks holds when a client that asks for marks gets which.
// TestAClientThatIsLiveLosesNothingSilently checks that a start is moved only until the client is
// notified that the replay is over: what comes later is what it subscribed to.
func TestAClientThatIsLiveLosesNothingSilently(t *testing.T) {
	log := eventlog.New[event](eventlog.NewMemory(eventlog.WithMaxRecords(3)), eventlog.WithTail(1, 1))
	add(t, log, 1, 2)
	var got []int64
	var end error
	for e, err := range subscribe.Serve(asking(t.Context()), &request{}, log) {
		if end = err; err != nil {
			break
		}
		if got = append(got, e.GetId()); len(got) == 1 {
			add(t, log, 3, 10) // while the mark is being sent
		} else {
			break
		}
	}
	if len(got) != 1 || status.Code(end) != codes.OutOfRange || reason(end) != "POSITION_EXPIRED" {
		t.Errorf("got %v, %v", got, end)
	}
}

func TestMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 3)
		begin := time.Now()
		go func() {
			time.Sleep(75 * time.Second)
			add(t, log, 4, 4)
			time.Sleep(10 * time.Second)
			if _, err := log.Append(t.Context(), &event{Id: 5, Type: "hidden"}); err != nil {
				t.Error(err)
			}
			time.Sleep(55 * time.Second)
			add(t, log, 6, 6)
		}()
		shown := subscription.WithFilter(func(e *event) bool { return e.GetType() != "hidden" })
		var got []string
		var last string
		for e, err := range subscribe.Serve(asking(t.Context()), start(t, log), log, shown) {
			if err != nil {
				t.Fatal(err)
			}
			token, mark := strings.CutSuffix(e.GetNextPosition(), ".")
			what := fmt.Sprint(e.GetId())
			if mark {
				what = "mark"
				if !proto.Equal(e, &event{NextPosition: token + "."}) {
					t.Errorf("a mark is %v", e)
				}
				if token != last && token != tokenOf(t, log, 5) {
					t.Errorf("a mark at %v has another position than the event before", time.Since(begin))
				}
			}
			last = token
			got = append(got, fmt.Sprintf("%s@%v", what, time.Since(begin).Round(time.Second).Seconds()))
			if e.GetId() == 6 {
				break
			}
		}
		// The filtered event at 85 s delays no heartbeat.
		if text := strings.Join(got, " "); text != "1@0 2@0 3@0 mark@0 mark@30 mark@60 4@75 mark@105 mark@135 6@140" {
			t.Errorf("got %s", text)
		}
	})
}

// TestNobodyElseGetsMarks checks that clients that do not ask see events alone.
func TestNobodyElseGetsMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 2)
		go func() {
			time.Sleep(time.Hour)
			add(t, log, 3, 3)
		}()
		want(t, subscribe.Serve(t.Context(), start(t, log), log), 1, 2, 3)
		go func() {
			time.Sleep(time.Hour)
			add(t, log, 4, 4)
		}()
		got := want(t, subscribe.Serve(asking(t.Context()), start(t, log), log, subscription.WithHeartbeat(0)), 1, 2, 3, 0, 4)
		if !strings.HasSuffix(got[3].GetNextPosition(), ".") {
			t.Error("the end of the replay has no mark")
		}
	})
}

// TestEnds checks that a waiting subscriber ends with its call.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got, err := receive(subscribe.Serve(ctx, start(t, log), log), 3)
		if len(got) != 2 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, %v", ids(got), err)
		}
	})
}
