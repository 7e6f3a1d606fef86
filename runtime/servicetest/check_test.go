package servicetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// goodServices are services in which Check must find nothing.
var goodServices = map[string]kinds{
	"echo": funcs{
		one: func(_ context.Context, req *text) (*text, error) { return req, nil },
		// Endless, without a pause
		many: func(ctx context.Context, req *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				for ctx.Err() == nil && yield(req, nil) {
				}
			}
		},
		join: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) {
			_, err := stream.Collect(reqs)
			return new(text), err
		},
		chat: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] { return reqs },
	},
	"unimplemented": funcs{},
	"refusing":      everyKind(func(context.Context) error { return status.Error(codes.Internal, "disk full") }),
	"waiting for its context": everyKind(func(ctx context.Context) error {
		<-ctx.Done()
		return fmt.Errorf("waiting: %w", ctx.Err())
	}),
	"slow": everyKind(func(context.Context) error {
		time.Sleep(ReturnTimeout - time.Second)
		return nil
	}),
	"with goroutines that end": everyKind(func(ctx context.Context) error {
		runtime.Go(ctx, func(context.Context) error { return nil })
		go func() { <-ctx.Done() }()
		return nil
	}),
}

func TestCheckFindsNothingInGoodServices(t *testing.T) {
	for name, impl := range goodServices {
		t.Run(name, func(t *testing.T) {
			for _, method := range []protoreflect.Name{"One", "Many", "Join", "Chat"} {
				descriptor := kindsDescriptor.Methods().ByName(method)
				for _, trial := range trialsOf(descriptor) {
					synctest.Test(t, func(t *testing.T) { // whose clock advances instantly
						if found := trial.findings(t, descriptor, register(impl), nil); len(found) > 0 {
							t.Errorf("%s: found %q", method, found)
						}
					})
				}
			}
		})
	}
}

func TestCheckPassesGoodServices(t *testing.T) {
	NoLeaks(t)
	Check(t, kindsDescriptor, register(goodServices["echo"]))
}

// TestCheckTakesServicesOfOthers checks a service whose code protoc-gen-go-grpc generated.
func TestCheckTakesServicesOfOthers(t *testing.T) {
	service := testpb.File_grpc_testing_test_proto.Services().ByName("TestService")
	Check(t, service, func(r grpc.ServiceRegistrar) {
		testpb.RegisterTestServiceServer(r, testpb.UnimplementedTestServiceServer{})
	})
}

// TestCheckTakesTheServersOwnHealth checks a service that the server registers itself.
func TestCheckTakesTheServersOwnHealth(t *testing.T) {
	Check(t, healthpb.File_grpc_health_v1_health_proto.Services().ByName("Health"), func(grpc.ServiceRegistrar) {})
}

// bad is a service that breaks the contract, and the findings that Check must report.
type bad struct {
	impl    kinds
	methods string   // the expected number of findings
	trial   string   // the trials that report them
	want    []string // the text in each finding
}

var badServices = map[string]bad{
	"panic": {
		impl:    everyKind(func(context.Context) error { panic("no books") }),
		methods: "One Many Join Chat", trial: "empty request",
		want: []string{"an empty request: the method, or a goroutine that it started, panicked: no books", "check_test.go", "Return an error instead"},
	},
	"panic in a goroutine": {
		impl: everyKind(func(ctx context.Context) error {
			runtime.Go(ctx, func(context.Context) error { panic("no books") })
			return nil
		}),
		methods: "One Many Join Chat", trial: "extreme requests",
		want: []string{"the request {", "panicked: no books", "check_test.go"},
	},
	"panic without a request": {
		impl: funcs{join: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) {
			all, err := stream.Collect(reqs)
			if err != nil {
				return nil, err
			}
			return all[len(all)-1], nil
		}},
		methods: "Join", trial: "no request",
		want: []string{"no request: the method", "index out of range"},
	},
	"panic at the second request": {
		impl: funcs{chat: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				seen := 0
				for range reqs {
					if seen++; seen == 2 {
						panic("two is a crowd")
					}
				}
			}
		}},
		methods: "Chat", trial: "several requests",
		want: []string{"4 requests, from an empty request to the request {", "two is a crowd"},
	},
	"panic when cancelled": {
		impl: everyKind(func(ctx context.Context) error {
			if errors.Is(ctx.Err(), context.Canceled) {
				panic("cancelled")
			}
			return nil
		}),
		methods: "One Many Join Chat", trial: "cancelled context",
		want: []string{"an empty request, with a context that is cancelled: the method", "panicked: cancelled"},
	},
	"panic when too late": {
		impl: everyKind(func(ctx context.Context) error {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				panic("too late")
			}
			return nil
		}),
		methods: "One Many Join Chat", trial: "expired deadline",
		want: []string{"an empty request, with a context that is expired: the method", "panicked: too late"},
	},
	"panic when left": {
		impl: everyKind(func(ctx context.Context) error {
			if <-ctx.Done(); errors.Is(ctx.Err(), context.Canceled) {
				panic("left")
			}
			return nil
		}),
		methods: "One Many Join Chat", trial: "caller that goes away",
		want: []string{"an empty request, from a caller that goes away: the method", "panicked: left"},
	},
	"plain error": {
		impl:    everyKind(func(context.Context) error { return errors.New("no such table: books") }),
		methods: "One Many Join Chat", trial: "empty request",
		want: []string{`the caller got UNKNOWN for the error "no such table: books"`, "status.Error(codes.NotFound, …)"},
	},
	"plain error in a goroutine": {
		impl: everyKind(func(ctx context.Context) error {
			runtime.Go(ctx, func(context.Context) error { return errors.New("no such table: books") })
			return nil
		}),
		methods: "One Many Join Chat", trial: "empty request",
		want: []string{`the caller got UNKNOWN for the error "no such table: books"`},
	},
	"status UNKNOWN": {
		impl:    everyKind(func(context.Context) error { return status.Error(codes.Unknown, "who knows") }),
		methods: "One Many Join Chat", trial: "empty request",
		want: []string{`the caller got UNKNOWN for the error "rpc error: code = Unknown desc = who knows"`},
	},
	"invented code": {
		impl:    everyKind(func(context.Context) error { return status.Error(codes.Code(99), "who knows") }),
		methods: "One Many Join Chat", trial: "empty request",
		want: []string{`the caller got UNKNOWN for the error "rpc error: code = Code(99) desc = who knows"`},
	},
	"nothing": {
		impl: funcs{
			one:  func(context.Context, *text) (*text, error) { return nil, nil },
			join: func(context.Context, runtime.Stream[text]) (*text, error) { return nil, nil },
			many: func(context.Context, *text) runtime.Stream[text] { return nil },
			chat: func(context.Context, runtime.Stream[text]) runtime.Stream[text] {
				return func(yield func(*text, error) bool) { yield(nil, nil) }
			},
		},
		methods: "One Many Join Chat", trial: "empty request",
		want: []string{"an empty request: the caller got INTERNAL: the ", "; "},
	},
}

func TestCheckFindsBadServices(t *testing.T) {
	for name, test := range badServices {
		t.Run(name, func(t *testing.T) {
			for i := range kindsDescriptor.Methods().Len() {
				method := kindsDescriptor.Methods().Get(i)
				found := findings(t, test.impl, string(method.Name()), test.trial)
				if expected := strings.Contains(test.methods, string(method.Name())); expected != (len(found) == 1) {
					t.Fatalf("%s: found %q", method.Name(), found)
				} else if expected {
					wantText(t, found[0], test.want...)
				}
			}
		})
	}
}

// findings runs one trial with one method of impl.
func findings(t *testing.T, impl kinds, method, trial string) []string {
	t.Helper()
	descriptor := kindsDescriptor.Methods().ByName(protoreflect.Name(method))
	for _, tr := range trialsOf(descriptor) {
		if tr.name == trial {
			return tr.findings(t, descriptor, register(impl), nil)
		}
	}
	return nil
}

func wantText(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(got, text) {
			t.Errorf("the finding has no %q:\n%s", text, got)
		}
	}
}

// TestCheckFindsMethodsThatDoNotReturn lets methods, and goroutines that they start, wait for
// something unrelated to the call.
func TestCheckFindsMethodsThatDoNotReturn(t *testing.T) {
	t.Parallel() // it waits; no other parallel test reads returnTimeout
	defer func() { returnTimeout = ReturnTimeout }()
	returnTimeout = 100 * time.Millisecond
	open := make(chan struct{})
	defer close(open)
	wait := func(context.Context) error { <-open; return nil }
	waitInGo := func(ctx context.Context) error { runtime.Go(ctx, wait); return nil }
	var all sync.WaitGroup
	for i, method := range []string{"One", "Many", "Join", "Chat"} {
		for _, do := range []func(context.Context) error{wait, waitInGo} {
			all.Go(func() {
				found := findings(t, everyKind(do), method, []string{"empty request", "caller that goes away"}[i%2])
				if len(found) != 1 {
					t.Errorf("%s: found %q", method, found)
					return
				}
				wantText(t, found[0], "the method is still running 100ms after its ", "It must return when its context ends", "check_test.go")
			})
		}
	}
	all.Wait()
}

// TestCheckFindsLeaks leaves a goroutine behind in each call, with profiler labels set on it.
func TestCheckFindsLeaks(t *testing.T) {
	for _, method := range []string{"One", "Many", "Join", "Chat"} {
		synctest.Test(t, func(t *testing.T) {
			open := make(chan struct{})
			found := findings(t, everyKind(func(ctx context.Context) error {
				pprof.Do(ctx, pprof.Labels("user", "1"), func(context.Context) { go func() { <-open }() })
				return nil
			}), method, "empty request")
			if len(found) != 1 {
				t.Fatalf("%s: found %q", method, found)
			}
			wantText(t, found[0], "empty request: goroutines are still running 2s after the server has stopped, in each of 3 runs",
				"runtime.Go", "TestCheckFindsLeaks", "check_test.go")
			close(open)
		})
	}
}

// TestCheckForgivesPools keeps a goroutine that is started once.
func TestCheckForgivesPools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open, started := make(chan struct{}), false
		found := findings(t, everyKind(func(context.Context) error {
			if !started {
				started = true
				go func() { <-open }()
			}
			return nil
		}), "One", "empty request")
		if len(found) > 0 {
			t.Errorf("found %q", found)
		}
		close(open)
	})
}

// TestCheckSurvivesOptions checks that options for the real server do not hide findings.
func TestCheckSurvivesOptions(t *testing.T) {
	opts := []server.Option{
		server.WithDrainDelay(time.Hour), server.WithShutdownTimeout(time.Hour),
		server.WithPanicHandler(func(context.Context, any, []byte) { t.Error("the panic handler of the options was called") }),
	}
	method := kindsDescriptor.Methods().ByName("One")
	found := trialsOf(method)[0].findings(t, method, register(everyKind(func(context.Context) error { panic("no books") })), opts)
	if len(found) != 1 || !strings.Contains(found[0], "no books") {
		t.Errorf("found %q", found)
	}
}

func TestCheckRejectsOtherServices(t *testing.T) {
	NoLeaks(t)
	for want, err := range map[string]error{
		"the descriptor of the service is nil":          served(nil, register(funcs{}), nil),
		"register does not serve test.v1.Kinds/One":     served(kindsDescriptor, func(grpc.ServiceRegistrar) {}, nil),
		"test.v1.Kinds: the implementation is nil":      served(kindsDescriptor, register(nil), nil),
		"WithDefaultTimeout(-1ns): a timeout cannot be": served(kindsDescriptor, register(funcs{}), []server.Option{server.WithDefaultTimeout(-1)}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestCheckOfABadService fails on purpose, in the process that the next test starts.
func TestCheckOfABadService(t *testing.T) {
	if os.Getenv("SERVICETEST_FAIL") == "" {
		return
	}
	Check(t, kindsDescriptor, register(badServices["plain error"].impl))
}

// TestCheckFailsItsTest checks that findings fail the subtests named after the RPC and the trial,
// and no others.
func TestCheckFailsItsTest(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestCheckOfABadService$", "-test.v")
	cmd.Env = append(os.Environ(), "SERVICETEST_FAIL=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("the test passed")
	}
	wantText(t, string(out),
		"--- FAIL: TestCheckOfABadService/One/empty_request", "--- FAIL: TestCheckOfABadService/Chat/several_requests",
		"--- PASS: TestCheckOfABadService/One/requests_that_do_not_decode",
		`an empty request: the caller got UNKNOWN for the error "no such table: books"`,
		`level=ERROR msg=rpc method=test.v1.Kinds/One kind=unary code=Unknown`)
}
