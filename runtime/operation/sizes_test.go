package operation_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// endedWith fails the test unless an operation has ended with a code and a reason.
func endedWith(t *testing.T, what string, state *operation.State, code codes.Code, reason rpcerr.Reason) {
	t.Helper()
	err := status.FromProto(state.Status).Err()
	if status.Code(err) != code || rpcerr.ReasonOf(err) != reason {
		t.Errorf("%s: ended with %v, want %v with reason %s", what, err, code, reason)
	}
}

func TestWhatIsLargerThanCanBeSentEndsTheOperation(t *testing.T) {
	paint := func(m *paintMetadata, bytes int) {
		fields := m.ProtoReflect().Descriptor().Fields()
		m.ProtoReflect().Set(fields.ByName("target"), stringOf(strings.Repeat("x", bytes)))
	}
	for name, work := range map[string]paintWork{
		"a result": result(strings.Repeat("x", 20<<20), nil),
		"metadata that are saved": func(ctx context.Context, run *paintRun) (*paintResult, error) {
			return nil, run.Save(ctx, nil, func(m *paintMetadata) { paint(m, 3<<20) })
		},
		"metadata that are saved in spite of the error": func(ctx context.Context, run *paintRun) (*paintResult, error) {
			if err := run.Save(ctx, nil, func(m *paintMetadata) { paint(m, 3<<20) }); err == nil {
				t.Error("Save returned no error")
			}
			return wrapperspb.String(""), nil
		},
		"both together": func(ctx context.Context, run *paintRun) (*paintResult, error) {
			if err := run.Save(ctx, nil, func(m *paintMetadata) { paint(m, 1<<20) }); err != nil {
				return nil, err
			}
			return wrapperspb.String(strings.Repeat("x", 7<<19)), nil
		},
	} {
		inTime(t, func(t *testing.T) {
			s := open(t, operation.Memory(), runtime.Operation{}, work)
			defer s.stop()
			state, record := s.end(t.Context(), s.start(t.Context(), ``).GetName())
			endedWith(t, name, state, codes.ResourceExhausted, operation.ReasonTooLarge)
			if size := len(record.Metadata) + len(record.Status); size > operation.DefaultMaxMessageBytes {
				t.Errorf("%s: it has %d bytes", name, size)
			}
		})
	}
}

// What fits is sent in full: the limit counts bytes, and not more.
func TestAResultMayHaveAllBytesThatCanBeSent(t *testing.T) {
	d := newDesk(t, nil)
	method := painting(runtime.Operation{})
	s := &shop{t: t, store: d.store, m: operation.NewManager(d.store, operation.WithLogger(slog.New(slog.DiscardHandler))), method: method}
	text := strings.Repeat("x", operation.DefaultMaxMessageBytes-500)
	method.Handle(s.m, result(text, nil))
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.m.Run(ctx) }()
	name := s.start(by(t.Context(), "ada"), ``).GetName()
	s.end(by(t.Context(), "ada"), name)
	cancel()
	<-ran
	calls := as(t.Context(), "ada")
	op, err := d.client.Get(calls, name) // by a client that takes 4 MiB
	if err != nil || unpackText(t, op.GetResponse()) != text {
		t.Errorf("Get returned %d bytes, %v", proto.Size(op), err)
	}
	if op, err := d.client.Wait(calls, name, time.Second); err != nil || !op.GetDone() {
		t.Errorf("Wait returned %v", err)
	}
	if ops, err := d.client.List(calls, &longrunningpb.ListOperationsRequest{}); err != nil || len(ops.GetOperations()) != 1 {
		t.Errorf("List returned %v", err)
	}
}

// A list is cut by bytes as well, and nothing is missing from its pages, whatever clients ask for.
func TestAPageOfOperationsCanBeReceived(t *testing.T) {
	const operations = 60
	d := newDesk(t, nil)
	for i := range operations {
		d.put(fmt.Sprintf("operations/%02d", i), "ada", 1)
	}
	for i, r := range d.claim() {
		d.finish(r, strings.Repeat("x", 400_000-i))
	}
	for _, req := range []*longrunningpb.ListOperationsRequest{
		{}, {PageSize: 1000}, {PageSize: 7}, {PageSize: 1000, Filter: "done = true"}, {PageSize: 1000, Filter: `metadata.value = 1`},
	} {
		n, pages := 0, 0
		for token := "first"; token != ""; pages++ {
			page, err := d.client.List(as(t.Context(), "ada"), req) // by a client that takes 4 MiB
			if err != nil {
				t.Fatalf("%v: page %d: %v", req, pages, err)
			}
			for _, op := range page.GetOperations() {
				if want := fmt.Sprintf("operations/%02d", n); op.GetName() != want {
					t.Fatalf("%v: got %s, want %s", req, op.GetName(), want)
				}
				n++
			}
			token = page.GetNextPageToken()
			req.PageToken = token
		}
		if n != operations || pages > 2*operations/7 {
			t.Errorf("%v: %d operations on %d pages", req, n, pages)
		}
	}
}

// Failures of many children keep their codes where their details have no room.
func TestFailuresAreShortenedToWhatCanBeSent(t *testing.T) {
	const maxBytes = 64 << 10
	for children, text := range map[int]bool{3: true, 200: true, 1500: false} {
		inTime(t, func(t *testing.T) {
			s := open(t, operation.Memory(), runtime.Operation{}, func(_ context.Context, run *paintRun) (*paintResult, error) {
				for i := range children {
					run.Failed(i, rpcerr.Reason("paint.v1/WET").Errorf(codes.FailedPrecondition, "wall %d is wet: %s", i, strings.Repeat("x", 2000)))
				}
				return wrapperspb.String("painted"), nil
			}, operation.WithMaxMessageBytes(maxBytes))
			defer s.stop()
			state, record := s.end(t.Context(), s.start(t.Context(), ``).GetName())
			m := shown(t, state).ProtoReflect()
			failures := m.Get(m.Descriptor().Fields().ByName("failed_requests")).Map()
			if failures.Len() != children || len(record.Metadata) > maxBytes/2 || unpackText(t, state.Response) != "painted" {
				t.Errorf("%d children: %d failures in %d bytes, ended with %v", children, failures.Len(), len(record.Metadata), state.Status)
			}
			last := failures.Get(indexKey(int32(children - 1))).Message()
			fields := last.Descriptor().Fields()
			if code := last.Get(fields.ByName("code")).Int(); codes.Code(code) != codes.FailedPrecondition {
				t.Errorf("%d children: the last failed with %v", children, codes.Code(code))
			}
			if said := strings.HasPrefix(last.Get(fields.ByName("message")).String(), fmt.Sprintf("wall %d is wet", children-1)); said != text {
				t.Errorf("%d children: the last failed with %v", children, last)
			}
		})
	}
}

// full is a store that has no room for what is larger than the shortest end.
type full struct{ operation.Store }

func (f full) Save(ctx context.Context, name string, fence int64, p operation.Progress) (bool, error) {
	if len(p.Checkpoint) > 0 {
		return false, fmt.Errorf("%w: disk quota", operation.ErrFull)
	}
	return f.Store.Save(ctx, name, fence, p)
}

func (f full) Finish(ctx context.Context, name string, fence int64, r operation.Result) error {
	if len(r.Metadata)+len(r.Response)+len(r.Status) > operation.ReservedStatusBytes || len(r.Response) > 0 {
		return fmt.Errorf("%w: disk quota", operation.ErrFull)
	}
	return f.Store.Finish(ctx, name, fence, r)
}

func TestAFullStoreEndsTheOperation(t *testing.T) {
	wet := rpcerr.Reason("paint.v1/WET").Errorf(codes.FailedPrecondition, "%s is wet", strings.Repeat("ü", 2000)).
		WithResource("wall", strings.Repeat("x", 1000), "")
	for name, test := range map[string]struct {
		work   paintWork
		code   codes.Code
		reason rpcerr.Reason
	}{
		"a result":     {result("painted", nil), codes.ResourceExhausted, operation.ReasonStoreFull},
		"a long error": {result("", wet), codes.FailedPrecondition, "paint.v1/WET"},
		"a checkpoint": {func(ctx context.Context, run *paintRun) (*paintResult, error) {
			err := run.Save(ctx, 1, nil)
			if !errors.Is(err, operation.ErrFull) {
				t.Errorf("Save returned %v", err)
			}
			return nil, err
		}, codes.ResourceExhausted, operation.ReasonStoreFull},
	} {
		inTime(t, func(t *testing.T) {
			log := new(strings.Builder)
			s := open(t, full{operation.Memory()}, runtime.Operation{}, test.work, operation.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
			state, _ := s.end(t.Context(), s.start(t.Context(), ``).GetName())
			endedWith(t, name, state, test.code, test.reason)
			s.stop()
			if test.reason == operation.ReasonStoreFull && !strings.Contains(log.String(), "disk quota") {
				t.Errorf("%s: the log does not say why: %s", name, log)
			}
		})
	}
}

func TestOperationsOfOnePrincipalKeepNobodyElseOut(t *testing.T) {
	s := open(t, operation.Memory(operation.WithMaxBytes(16<<20)), runtime.Operation{}, nil, operation.WithStartOnly())
	defer s.stop()
	req := `walls: "` + strings.Repeat("x", 1<<20) + `"`
	var err error
	for n := 0; err == nil; n++ {
		if n > 16 {
			t.Fatal("17 operations of 1 MiB are in a store of 16 MiB")
		}
		_, err = s.method.Start(by(t.Context(), "ada"), s.m, request(t, req))
	}
	if status.Code(err) != codes.ResourceExhausted || rpcerr.ReasonOf(err) != operation.ReasonStoreFull {
		t.Errorf("got %v", err)
	}
	s.start(by(t.Context(), "eve"), req)
}

// Work that begins takes its values from the call that started it, but for calls whose requests are
// large.
func TestFewLargeRequestsAreHeldForTheirWork(t *testing.T) {
	type key struct{}
	kept := make(chan bool, 64)
	method, m := painting(runtime.Operation{}), operation.NewManager(operation.Memory(), operation.WithLogger(slog.New(slog.DiscardHandler)))
	method.Handle(m, func(ctx context.Context, _ *paintRun) (*paintResult, error) {
		kept <- ctx.Value(key{}) != nil
		return wrapperspb.String(""), nil
	})
	const started = 24
	for range started {
		req := request(t, `walls: "`+strings.Repeat("x", 1<<20)+`"`)
		if _, err := method.Start(context.WithValue(t.Context(), key{}, true), m, req); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	n := 0
	for i := 0; i < started && !t.Failed(); i++ {
		if echotest.Within(t, kept) {
			n++
		}
	}
	cancel()
	<-ran
	if n < 4 || n > 8 {
		t.Errorf("the contexts of %d calls with 1 MiB each were kept, want 8 MiB at most", n)
	}
}
