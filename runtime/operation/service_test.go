package operation_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// desk is a server of google.longrunning.Operations with its store.
type desk struct {
	t      *testing.T
	store  operation.Store
	srv    *server.Server
	conn   *grpc.ClientConn
	client operation.Client
	raw    longrunningpb.OperationsClient
	stop   func() error
}

// byUser authenticates callers by the metadata "user".
func byUser(ctx context.Context) (*runtime.Principal, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if user := md.Get("user"); len(user) > 0 {
		return runtime.NewPrincipal(user[0]), nil
	}
	return nil, nil
}

// as returns a context for calls of a user.
func as(ctx context.Context, user string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "user", user)
}

// newDesk serves the operations of a store, and what register registers, until the test ends.
func newDesk(t *testing.T, register func(*server.Server, *operation.Manager), opts ...server.Option) *desk {
	t.Helper()
	d := &desk{t: t, store: operation.Memory()}
	d.srv = server.New(append([]server.Option{server.WithLogger(slog.New(slog.DiscardHandler)),
		server.WithDrainDelay(0), server.WithAuthenticator(server.AuthenticateFunc(byUser))}, opts...)...)
	manager := operation.NewManager(d.store)
	if register != nil {
		register(d.srv, manager)
	}
	operation.Register(d.srv, manager)
	lis := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- d.srv.Serve(context.WithoutCancel(t.Context()), lis) }()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	d.conn, d.client, d.raw = conn, operation.NewClient(conn), longrunningpb.NewOperationsClient(conn)
	d.stop = sync.OnceValue(func() error {
		if err := d.srv.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			return err
		}
		return <-served
	})
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
		conn.Close()
	})
	return d
}

// manualMethod is a method whose operations no manager works on: the test does.
const manualMethod = "/test.Desk/Manual"

// put adds an operation of a user.
func (d *desk) put(name, user string, progress int64) {
	d.t.Helper()
	_, _, err := d.store.Create(d.t.Context(), &operation.Record{
		Name: name, Method: manualMethod, Principal: user, Metadata: encoded(d.t, packed(wrapperspb.Int64(progress))),
		Lease: time.Minute, Retain: time.Hour, MaxAttempts: 3,
	}, false)
	if err != nil {
		d.t.Fatal(err)
	}
}

// claim takes all operations that are due, as a worker does.
func (d *desk) claim() []*operation.Record {
	d.t.Helper()
	claimed, err := d.store.Claim(context.WithoutCancel(d.t.Context()), []string{manualMethod}, 1000)
	if err != nil {
		d.t.Error(err)
	}
	return claimed
}

// finish ends an operation that is claimed.
func (d *desk) finish(r *operation.Record, text string) {
	d.t.Helper()
	result := operation.Result{Response: encoded(d.t, packed(wrapperspb.String(text)))}
	if err := d.store.Finish(context.WithoutCancel(d.t.Context()), r.Name, r.Fence, result); err != nil {
		d.t.Error(err)
	}
}

func encoded(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOperationsAreOnlyForWhoStartedThem(t *testing.T) {
	d := newDesk(t, nil)
	d.put("operations/1", "ada", 7)
	calls := map[string]func(context.Context) error{
		"Get":    func(ctx context.Context) error { _, err := d.client.Get(ctx, "operations/1"); return err },
		"Wait":   func(ctx context.Context) error { _, err := d.client.Wait(ctx, "operations/1", 0); return err },
		"Cancel": func(ctx context.Context) error { return d.client.Cancel(ctx, "operations/1") },
		"Delete": func(ctx context.Context) error { return d.client.Delete(ctx, "operations/1") },
	}
	for _, name := range []string{"Get", "Wait", "Cancel", "Delete"} { // Delete is last
		if err := calls[name](t.Context()); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s by nobody: %v, want UNAUTHENTICATED", name, err)
		}
		if err := calls[name](as(t.Context(), "bob")); status.Code(err) != codes.NotFound {
			t.Errorf("%s by another: %v, want NOT_FOUND", name, err)
		}
		if err := calls[name](as(t.Context(), "ada")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.client.List(t.Context(), &longrunningpb.ListOperationsRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("List by nobody: %v, want UNAUTHENTICATED", err)
	}
}

func TestAnOperationThatIsNotThereIsNotFound(t *testing.T) {
	d := newDesk(t, nil)
	d.put("operations/bobs", "bob", 0)
	var texts []string
	for _, name := range []string{"operations/bobs", "operations/none"} {
		_, err := d.client.Get(as(t.Context(), "ada"), name)
		if status.Code(err) != codes.NotFound || rpcerr.ReasonOf(err) == "" {
			t.Errorf("Get %s: %v with reason %q, want NOT_FOUND with a reason", name, err, rpcerr.ReasonOf(err))
		}
		texts = append(texts, strings.ReplaceAll(err.Error(), name, "NAME"))
	}
	if texts[0] != texts[1] {
		t.Errorf("errors tell whether an operation exists: %q", texts)
	}
}

func TestCancelOfADoneOperationChangesNothing(t *testing.T) {
	d := newDesk(t, nil)
	d.put("operations/1", "ada", 0)
	d.finish(d.claim()[0], "yes")
	ctx := as(t.Context(), "ada")
	before, err := d.client.Get(ctx, "operations/1")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.client.Cancel(ctx, "operations/1"); err != nil {
		t.Errorf("Cancel: %v, want OK", err)
	}
	after, err := d.client.Get(ctx, "operations/1")
	if err != nil || !proto.Equal(before, after) || after.GetResponse() == nil {
		t.Errorf("after Cancel it is %v (%v), was %v", after, err, before)
	}
}

func TestCancelOfAnOperationThatNobodyWorksOnEndsIt(t *testing.T) {
	d := newDesk(t, nil)
	d.put("operations/1", "ada", 0)
	ctx := as(t.Context(), "ada")
	if err := d.client.Cancel(ctx, "operations/1"); err != nil {
		t.Fatal(err)
	}
	_, err := jobsRun.Named(d.client, "operations/1").Wait(ctx)
	if status.Code(err) != codes.Canceled {
		t.Errorf("Wait: %v, want CANCELLED", err)
	}
}

func TestDeleteOfARunningOperationDoesNotEndIt(t *testing.T) {
	d := newDesk(t, nil)
	d.put("operations/1", "ada", 0)
	claimed := d.claim()
	ctx := as(t.Context(), "ada")
	if err := d.client.Delete(ctx, "operations/1"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.client.Get(ctx, "operations/1"); status.Code(err) != codes.NotFound {
		t.Errorf("Get after Delete: %v, want NOT_FOUND", err)
	}
	if cancelled, err := d.store.Renew(t.Context(), "operations/1", claimed[0].Fence); cancelled || err != nil {
		t.Errorf("its worker learns: cancelled %v, %v; want that it goes on", cancelled, err)
	}
	d.finish(claimed[0], "yes")
}

func TestWaitOperationReturns(t *testing.T) {
	d := newDesk(t, nil)
	d.put("operations/1", "ada", 0)
	claimed := d.claim()
	ctx := as(t.Context(), "ada")
	wait := func(ctx context.Context, timeout *durationpb.Duration) (*longrunningpb.Operation, time.Duration, error) {
		start := time.Now()
		op, err := d.raw.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: "operations/1", Timeout: timeout})
		return op, time.Since(start), err
	}

	if op, _, err := wait(ctx, durationpb.New(0)); err != nil || op.GetDone() {
		t.Errorf("with a timeout of 0: %v, %v, want the operation as it is", op, err)
	}
	if op, took, err := wait(ctx, durationpb.New(100*time.Millisecond)); err != nil || op.GetDone() || took < 100*time.Millisecond {
		t.Errorf("when the timeout is over: %v, %v after %v, want the operation as it is after 100 ms", op, err, took)
	}
	short, cancel := context.WithTimeout(ctx, 2500*time.Millisecond)
	defer cancel()
	if op, took, err := wait(short, nil); err != nil || op.GetDone() || took < time.Second {
		t.Errorf("when the deadline is near: %v, %v after %v, want the operation as it is after most of 2.5 s", op, err, took)
	}
	if _, _, err := wait(ctx, durationpb.New(-1)); status.Code(err) != codes.InvalidArgument || len(rpcerr.FieldViolations(err)) != 1 {
		t.Errorf("with a negative timeout: %v, want INVALID_ARGUMENT on the field", err)
	}
	done := make(chan error, 1)
	go func() {
		op, _, err := wait(ctx, nil)
		if err == nil && !op.GetDone() {
			err = fmt.Errorf("returned %v, which is not done", op)
		}
		done <- err
	}()
	d.finish(claimed[0], "yes")
	if err := echotest.Within(t, done); err != nil {
		t.Errorf("when the operation is done: %v", err)
	}
	if op, _, err := wait(ctx, nil); err != nil || op.GetResponse() == nil {
		t.Errorf("of a done operation: %v, %v", op, err)
	}
}

func TestWaitOperationReturnsWhenTheServerDrains(t *testing.T) {
	arrived := make(chan string, 10)
	d := newDesk(t, nil, server.WithUnaryInterceptors(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		arrived <- info.FullMethod
		return handler(ctx, req)
	}))
	d.put("operations/1", "ada", 0)
	d.claim()
	type answer struct {
		op  *longrunningpb.Operation
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		op, err := d.client.Wait(as(t.Context(), "ada"), "operations/1", time.Minute)
		answered <- answer{op, err}
	}()
	echotest.Within(t, arrived)
	if err := d.stop(); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if got := echotest.Within(t, answered); got.err != nil || got.op.GetDone() {
		t.Errorf("Wait: %v, %v, want the operation as it is", got.op, got.err)
	}
}

func TestOneCallerCannotTakeAllTheWaiting(t *testing.T) {
	d := newDesk(t, nil)
	d.put("operations/1", "ada", 0)
	claimed := d.claim()
	ctx := as(t.Context(), "ada")
	answered := make(chan *longrunningpb.Operation, 120)
	for range cap(answered) {
		go func() {
			op, err := d.client.Wait(ctx, "operations/1", time.Minute)
			if err != nil {
				t.Errorf("Wait: %v", err)
			}
			answered <- op
		}()
	}
	for range 20 {
		if op := <-answered; op.GetDone() {
			t.Errorf("the operation is done: %v", op)
		}
	}
	d.finish(claimed[0], "yes")
	for range 100 {
		if op := <-answered; !op.GetDone() {
			t.Errorf("more than 20 were answered before it was done, and one with %v", op)
		}
	}
}

func TestListOperations(t *testing.T) {
	d := newDesk(t, nil)
	for i := range 25 {
		d.put(fmt.Sprintf("operations/%02d", i), "ada", int64(i))
	}
	d.put("operations/bobs", "bob", 0)
	d.put("shelves/1/operations/x", "ada", 100)
	for _, r := range d.claim() {
		if strings.HasSuffix(r.Name, "3") {
			d.finish(r, "yes")
		}
	}
	tests := []struct {
		name  string
		req   *longrunningpb.ListOperationsRequest
		want  []string // the first, the last
		count int
	}{
		{"all", &longrunningpb.ListOperationsRequest{}, []string{"operations/00", "shelves/1/operations/x"}, 26},
		{"a page of 10 at a time", &longrunningpb.ListOperationsRequest{PageSize: 10}, []string{"operations/00", "shelves/1/operations/x"}, 26},
		{"of a parent", &longrunningpb.ListOperationsRequest{Name: "shelves/1/operations"}, []string{"shelves/1/operations/x"}, 1},
		{"of a parent with a slash", &longrunningpb.ListOperationsRequest{Name: "operations/"}, []string{"operations/00", "operations/24"}, 25},
		{"of an unknown parent", &longrunningpb.ListOperationsRequest{Name: "operation"}, nil, 0},
		{"done", &longrunningpb.ListOperationsRequest{Filter: "done = true", PageSize: 1}, []string{"operations/03", "operations/23"}, 3},
		{"not done", &longrunningpb.ListOperationsRequest{Filter: "NOT done = true"}, []string{"operations/00", "shelves/1/operations/x"}, 23},
		{"by metadata", &longrunningpb.ListOperationsRequest{Filter: "metadata.value >= 23", PageSize: 2}, []string{"operations/23", "shelves/1/operations/x"}, 3},
		{"by metadata and done", &longrunningpb.ListOperationsRequest{Filter: "done = true AND metadata.value > 3"}, []string{"operations/13", "operations/23"}, 2},
		{"one or the other", &longrunningpb.ListOperationsRequest{Filter: `name = "operations/01" OR done = true`}, []string{"operations/01", "operations/23"}, 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var names []string
			for op, err := range operation.All(as(t.Context(), "ada"), d.client, test.req) {
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, op.GetName())
			}
			if len(names) != test.count || !slices.IsSorted(names) {
				t.Fatalf("got %q, want %d in order", names, test.count)
			}
			if test.count > 0 && (names[0] != test.want[0] || names[len(names)-1] != test.want[len(test.want)-1]) {
				t.Errorf("got %q, want %q", names, test.want)
			}
		})
	}
}

func TestListOperationsRejects(t *testing.T) {
	d := newDesk(t, nil)
	for i := range 3 {
		d.put(fmt.Sprintf("operations/%d", i), "ada", 0)
	}
	ctx := as(t.Context(), "ada")
	first, err := d.client.List(ctx, &longrunningpb.ListOperationsRequest{PageSize: 1})
	if err != nil || first.GetNextPageToken() == "" {
		t.Fatalf("List: %v, %v", first, err)
	}
	tests := []struct {
		name  string
		req   *longrunningpb.ListOperationsRequest
		code  codes.Code
		field string
	}{
		{"a filter that cannot be read", &longrunningpb.ListOperationsRequest{Filter: "done = "}, codes.InvalidArgument, "filter"},
		{"a filter of another message", &longrunningpb.ListOperationsRequest{Filter: "colour = red"}, codes.InvalidArgument, "filter"},
		{"a negative page size", &longrunningpb.ListOperationsRequest{PageSize: -1}, codes.InvalidArgument, "page_size"},
		{"a token of nobody", &longrunningpb.ListOperationsRequest{PageToken: "x"}, codes.InvalidArgument, "page_token"},
		{"a token of another filter", &longrunningpb.ListOperationsRequest{Filter: "done = true", PageToken: first.GetNextPageToken()}, codes.InvalidArgument, "page_token"},
	}
	for _, test := range tests {
		_, err := d.client.List(ctx, test.req)
		violations := rpcerr.FieldViolations(err)
		if status.Code(err) != test.code || len(violations) != 1 || violations[0].Field != test.field || rpcerr.ReasonOf(err) == "" {
			t.Errorf("%s: %v, %v, want %v on %s", test.name, err, violations, test.code, test.field)
		}
	}
	exact, err := d.client.List(ctx, &longrunningpb.ListOperationsRequest{PageSize: 3})
	if err != nil || len(exact.GetOperations()) != 3 || exact.GetNextPageToken() != "" {
		t.Errorf("a page for all there are: %v, %v, want three and no more", exact, err)
	}
	second, err := d.client.List(ctx, &longrunningpb.ListOperationsRequest{PageSize: 5, PageToken: first.GetNextPageToken()})
	if err != nil || len(second.GetOperations()) != 2 || second.GetNextPageToken() != "" {
		t.Errorf("the second page: %v, %v, want two and no more", second, err)
	}
}

// parted is a store, some of whose parts cannot be read.
type parted struct {
	operation.Store
	away  []string
	fault error // of all of it
}

func (p *parted) List(ctx context.Context, q operation.Query) ([]*operation.Record, bool, error) {
	if p.fault != nil {
		return nil, false, p.fault
	}
	found, more, err := p.Store.List(ctx, q)
	if err == nil && len(p.away) > 0 {
		err = fmt.Errorf("a part is away: %w", &operation.PartialError{Unreachable: p.away, Cause: errors.New("cut off")})
	}
	return found, more, err
}

func TestAListNamesWhatCannotBeRead(t *testing.T) {
	store := &parted{Store: operation.Memory()}
	ops := operation.NewManager(store, operation.WithLogger(slog.New(slog.DiscardHandler)))
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { operation.Register(r, ops) }, server.WithoutAuthentication())
	client := operation.NewClient(conn)
	for i := range 5 {
		record := &operation.Record{Name: fmt.Sprintf("operations/%d", i), Method: manualMethod, Principal: "servicetest", Lease: time.Minute}
		if i == 2 {
			record.Metadata = []byte("no message")
		}
		if _, _, err := store.Create(t.Context(), record, false); err != nil {
			t.Fatal(err)
		}
	}
	const eu, us = "projects/1/locations/eu", "projects/1/locations/us"
	for _, test := range []struct {
		name string
		away []string
		req  *longrunningpb.ListOperationsRequest
		code codes.Code
		want string // the operations of the first page, and what is unreachable
	}{
		{"a damaged operation", nil, &longrunningpb.ListOperationsRequest{}, codes.Internal, ""},
		{"a page before it", nil, &longrunningpb.ListOperationsRequest{PageSize: 2}, codes.OK, "[0 1] []"},
		{"tolerated", nil, &longrunningpb.ListOperationsRequest{ReturnPartialSuccess: true}, codes.OK, "[0 1 3 4] [operations/2]"},
		{"tolerated by page", nil, &longrunningpb.ListOperationsRequest{ReturnPartialSuccess: true, PageSize: 3}, codes.OK, "[0 1 3] [operations/2]"},
		{"parts away", []string{us, eu}, &longrunningpb.ListOperationsRequest{}, codes.Unavailable, ""},
		{"parts away, tolerated", []string{us, eu}, &longrunningpb.ListOperationsRequest{ReturnPartialSuccess: true}, codes.OK,
			"[0 1 3 4] [operations/2 " + eu + " " + us + "]"},
		{"filtered", []string{eu}, &longrunningpb.ListOperationsRequest{ReturnPartialSuccess: true, Filter: `name = "operations/3"`}, codes.OK,
			"[3] [operations/2 " + eu + "]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			store.away = test.away
			page, err := client.List(t.Context(), test.req)
			if status.Code(err) != test.code {
				t.Fatalf("List: %v, want %v", err, test.code)
			}
			if err != nil {
				return
			}
			var names []string
			for _, op := range page.GetOperations() {
				names = append(names, strings.TrimPrefix(op.GetName(), "operations/"))
			}
			if got := fmt.Sprint(names, " ", page.GetUnreachable()); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	store.fault = errors.New("all of it is away")
	_, err := client.List(t.Context(), &longrunningpb.ListOperationsRequest{ReturnPartialSuccess: true})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("List of a store that is away as a whole: %v, want UNAVAILABLE", err)
	}
}
