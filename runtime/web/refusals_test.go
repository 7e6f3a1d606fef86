package web_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// refused is what a caller and the log learn of a call.
type refused struct {
	status string // code, message and details
	record string // the log record, without what differs between two calls
}

// dialect calls a kind of RPC over one protocol. It reports false if the protocol lacks the kind.
type dialect func(ctx context.Context, kind string) (error, bool)

// dialects returns a way to call for each protocol, that of grpc by the name "gRPC".
func (r *running) dialects(t *testing.T) map[string]dialect {
	t.Helper()
	all := map[string]dialect{"gRPC": stubDialect(r.grpc), "in-process": stubDialect(r.Conn())}
	for _, p := range protocols {
		client := r.clientOf(t, p)
		all[p.name] = func(ctx context.Context, kind string) (error, bool) {
			if kind == "Chat" && !p.two {
				return nil, false
			}
			_, err := kinds[kind](ctx, client)
			return err, true
		}
	}
	return all
}

// stubDialect calls without the policies of the server, which a generated client has too.
func stubDialect(conn grpc.ClientConnInterface) dialect {
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	return func(ctx context.Context, kind string) (err error, ok bool) {
		switch kind {
		case "One":
			_, err = stub.One(ctx, text("a"))
		case "Many":
			_, err = echotest.Gather(stub.Many(ctx, text("a")))
		case "Join":
			_, err = stub.Join(ctx, echotest.Texts("a", "b"))
		default:
			_, err = echotest.Gather(stub.Chat(ctx, echotest.Texts("a", "b")))
		}
		return err, true
	}
}

// describeStatus writes a status without what differs between two calls.
func describeStatus(err error) string {
	st := status.Convert(err)
	text := fmt.Sprintf("%s %q", st.Code(), st.Message())
	for _, detail := range st.Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			retry.RetryDelay = &durationpb.Duration{}
		}
		message, ok := detail.(proto.Message)
		if !ok {
			return fmt.Sprintf("%s, detail %v", text, detail)
		}
		written := prototext.MarshalOptions{}.Format(message)
		text += fmt.Sprintf(", %s{%s}", message.ProtoReflect().Descriptor().Name(),
			strings.Join(strings.Fields(written), " "))
	}
	return text
}

// refusedOutcome makes a call and waits for its log record.
func refusedOutcome(t *testing.T, log *echotest.Records, call dialect, kind string) (refused, bool) {
	t.Helper()
	log.Reset()
	err, ok := call(echotest.Context(t), kind)
	if !ok {
		return refused{}, false
	}
	return refused{describeStatus(err), refusedRecord(t, log)}, true
}

// refusedRecord waits for the record of a call: a caller may have its status a moment earlier.
func refusedRecord(t *testing.T, log *echotest.Records) string {
	t.Helper()
	ctx := echotest.Context(t)
	for ctx.Err() == nil {
		if found := log.Named(t, "rpc"); len(found) > 0 {
			for _, name := range []string{"time", "duration", "request_id", "peer"} {
				delete(found[0], name)
			}
			var fields []string
			for _, name := range slices.Sorted(maps.Keys(found[0])) {
				fields = append(fields, fmt.Sprintf("%s=%v", name, found[0][name]))
			}
			return fmt.Sprintf("%d records: %s", len(found), strings.Join(fields, " "))
		}
		time.Sleep(time.Millisecond)
	}
	return "no record"
}

// refusal is a way in which a call fails.
type refusal struct {
	policy  runtime.Policy
	options []server.Option
	method  func(context.Context) error
	want    string
	first   bool // the first call succeeds
}

// authenticate returns an option with which all callers have an ID, or none.
func authenticate(id string) server.Option {
	f := func(context.Context) (*runtime.Principal, error) {
		if id == "" {
			return nil, nil
		}
		return runtime.NewPrincipal(id, "read"), nil
	}
	return server.WithAuthenticator(server.AuthenticateFunc(f))
}

// validator finds a fault in every request.
type validator struct{}

func (validator) Bind(
	runtime.MethodInfo, protoreflect.MessageDescriptor,
) (server.ValidateFunc, error) {
	return func(context.Context, proto.Message) error {
		return rpcerr.Invalid(rpcerr.Violation("value", "it must not be %q", "a"))
	}, nil
}

var refusals = map[string]refusal{
	"unauthenticated": {
		policy: runtime.Policy{Auth: &runtime.Auth{}}, options: []server.Option{authenticate("")},
		want: "Unauthenticated",
	},
	"no scope": {
		policy:  runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"write"}}},
		options: []server.Option{authenticate("alice")}, want: "PermissionDenied",
	},
	"rate": {
		policy: runtime.Policy{Rates: []runtime.Rate{{PerSecond: 1e-4, Burst: 1}}},
		first:  true, want: "ResourceExhausted",
	},
	"size": {policy: runtime.Policy{MaxRequestBytes: 2}, want: "ResourceExhausted"},
	"validation": {
		policy:  runtime.Policy{Validate: true},
		options: []server.Option{server.WithValidator(validator{})}, want: "InvalidArgument",
	},
	"deadline": {
		policy: runtime.Policy{MaxTimeout: 50 * time.Millisecond, TotalTimeout: 50 * time.Millisecond},
		method: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
		want: "DeadlineExceeded",
	},
	"panic": {method: func(context.Context) error { panic("a fault") }, want: "Internal"},
	"plain error": {
		method: func(context.Context) error { return errors.New("secret") }, want: "Unknown",
	},
	"not found": {
		method: func(context.Context) error {
			return rpcerr.Reason("library.example.com/BOOK_UNKNOWN").
				Errorf(codes.NotFound, "no book has the ISBN %q ☺ 100%%", "1").
				WithResource("library.example.com/Book", "books/1", "").
				WithMetadata("isbn", "1").WithCause(errors.New("no rows"))
		},
		want: "NotFound",
	},
}

// TestRefusals checks that a call fails alike over each protocol: code, message, details, and the
// record in the log. Those of grpc's own transport are the measure.
func TestRefusals(t *testing.T) {
	for name, test := range refusals {
		t.Run(name, func(t *testing.T) {
			log := new(echotest.Records)
			method := test.method
			if method == nil {
				method = func(context.Context) error { return nil }
			}
			test.policy.Idempotency = runtime.NoSideEffects
			if test.policy.Auth == nil {
				test.policy.Auth = &runtime.Auth{Public: true}
			}
			table := echotest.TableWith(test.policy)
			r := serve(t, echotest.Behaving(method), config{table: table, log: log, options: test.options})
			dialects := r.dialects(t)
			for kind := range kinds {
				if test.first {
					if err, _ := dialects["gRPC"](echotest.Context(t), kind); err != nil {
						t.Fatalf("the first call of %s: %v", kind, err)
					}
				}
				compareDialects(t, log, dialects, kind, test.want)
			}
		})
	}
}

// compareDialects checks that a kind of call has the same refused over all protocols.
func compareDialects(
	t *testing.T, log *echotest.Records, dialects map[string]dialect, kind, code string,
) {
	t.Helper()
	want, _ := refusedOutcome(t, log, dialects["gRPC"], kind)
	if !strings.HasPrefix(want.status, code+" ") {
		t.Errorf("%s over gRPC: %s, want %s", kind, want.status, code)
	}
	for name, call := range dialects {
		got, ok := refusedOutcome(t, log, call, kind)
		if ok && got != want {
			t.Errorf("%s over %s:\n%s\n%s\nover gRPC:\n%s\n%s",
				kind, name, got.status, got.record, want.status, want.record)
		}
	}
}

// TestIdempotencyConflict checks the same of a call whose idempotency key another call is using.
func TestIdempotencyConflict(t *testing.T) {
	log := new(echotest.Records)
	begun, finish := make(chan struct{}), make(chan struct{})
	hold := func(_ context.Context, req *Text) (*Text, error) {
		close(begun)
		<-finish
		return req, nil
	}
	table := echotest.TableWith(runtime.Policy{
		Auth: &runtime.Auth{}, IdempotencyKey: runtime.IdempotencyKey{Field: "value", Window: time.Hour},
	})
	guard := idempotency.New(idempotency.Memory(), idempotency.WithWait(0))
	r := serve(t, echotest.Funcs{OneFunc: hold}, config{
		table: table, log: log,
		options: []server.Option{authenticate("alice"), server.WithIdempotency(guard)},
	})
	dialects := r.dialects(t)
	delete(dialects, "Connect, GET")
	var held sync.WaitGroup
	held.Go(func() {
		if err, _ := dialects["in-process"](echotest.Context(t), "One"); err != nil {
			t.Errorf("the first call: %v", err)
		}
	})
	defer held.Wait()
	defer close(finish)
	echotest.Within(t, begun)
	compareDialects(t, log, dialects, "One", "Aborted")
}

// TestDraining checks the same of calls that are running when the server shuts down.
func TestDraining(t *testing.T) {
	for kind := range kinds {
		want := drained(t, "gRPC", kind)
		if !strings.HasPrefix(want.status, "Unavailable ") ||
			!strings.Contains(want.status, "SERVER_DRAINING") {
			t.Errorf("%s over gRPC: %s", kind, want.status)
		}
		names := []string{"in-process"}
		for _, p := range protocols {
			if p.two || kind != "Chat" {
				names = append(names, p.name)
			}
		}
		for _, name := range names {
			if got := drained(t, name, kind); got != want {
				t.Errorf("%s over %s:\n%s\n%s\nover gRPC:\n%s\n%s",
					kind, name, got.status, got.record, want.status, want.record)
			}
		}
	}
}

// drained returns the refused of a call that ends because its server shuts down.
func drained(t *testing.T, name, kind string) refused {
	t.Helper()
	log, begun := new(echotest.Records), make(chan struct{})
	table := echotest.TableWith(runtime.Policy{Idempotency: runtime.NoSideEffects})
	r := serve(t, echotest.Behaving(func(ctx context.Context) error {
		close(begun)
		<-runtime.Draining(ctx)
		return runtime.ErrDraining
	}), config{table: table, log: log})
	call := r.dialects(t)[name]
	ended := make(chan error, 1)
	go func() {
		err, _ := call(echotest.Context(t), kind)
		ended <- err
	}()
	echotest.Within(t, begun)
	if err := r.stop(); err != nil {
		t.Errorf("%s over %s: the shutdown: %v", kind, name, err)
	}
	return refused{describeStatus(echotest.Within(t, ended)), refusedRecord(t, log)}
}
