package servicetest

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// How long [Check] waits.
const (
	// CallTimeout is the deadline of each call of a check. A method that waits for something may use it up.
	CallTimeout = time.Second
	// QuietTimeout is how long a check waits for the next response of a stream before it goes away: streams need not end.
	QuietTimeout = 200 * time.Millisecond
	// ReturnTimeout is how long a method may take to return when its caller has gone, or its deadline has passed.
	ReturnTimeout = 5 * time.Second
)

// Check holds an implementation to the contract of every service: whatever a caller sends, and whenever it goes away, a
// method answers with a status and returns. register registers the implementation of service; opts are those of the server
// that matter to its methods, such as interceptors.
//
// Each RPC is a subtest that calls the method through the real pipeline, with
//   - an empty request, and requests of extreme values: the smallest and largest numbers, NaN, long and odd strings,
//     unknown enum numbers, every arm of a oneof, filled lists, maps and nested messages;
//   - bytes that are no message;
//   - as a stream also no request at all, and several;
//   - a context that is cancelled and one whose deadline has passed, before the method is called;
//   - a caller that goes away once the method has begun.
//
// It fails, and says what to do, if
//   - the method panics, or a goroutine of [runtime.Go] does;
//   - it goes on [ReturnTimeout] after its deadline has passed or its caller has gone;
//   - goroutines that it started are still running when the server has stopped, again in each of three runs, so that a pool
//     that fills once is no leak;
//   - its caller gets UNKNOWN, which an error without a status becomes, or a code that gRPC does not know;
//   - it returns neither a response nor an error, or a nil stream.
//
// All other answers are right, UNIMPLEMENTED and INTERNAL of the method's own included. The requests are the same in each
// run. They are meant to reach the method: leave options out that turn strangers away.
//
// The logger, the panic handler, the drain delay and the shutdown timeout of the server are the check's own, also if opts
// has others. The log goes to t.
func Check(t *testing.T, service protoreflect.ServiceDescriptor, register func(grpc.ServiceRegistrar), opts ...server.Option) {
	t.Helper()
	if err := served(service, register, opts); err != nil {
		t.Fatalf("servicetest: %v", err)
	}
	methods := service.Methods()
	for i := range methods.Len() {
		method := methods.Get(i)
		t.Run(string(method.Name()), func(t *testing.T) {
			for _, trial := range trialsOf(method) {
				t.Run(trial.name, func(t *testing.T) {
					for _, finding := range trial.findings(t, method, register, opts) {
						t.Error(finding)
					}
				})
			}
		})
	}
}

// served makes sure that register serves the methods of service.
func served(service protoreflect.ServiceDescriptor, register func(grpc.ServiceRegistrar), opts []server.Option) error {
	if service == nil {
		return fmt.Errorf("the descriptor of the service is nil; take it from the file's Services by the service's name")
	}
	quiet := server.WithLogger(slog.New(slog.DiscardHandler))
	s, err := start(register, append(opts[:len(opts):len(opts)], server.WithDrainDelay(0), server.WithoutAuthentication(), quiet)...)
	if err != nil {
		return err
	}
	info := s.GetServiceInfo()[string(service.FullName())]
	if err := s.stop(); err != nil {
		return err
	}
	names := make(map[string]bool)
	for _, method := range info.Methods {
		names[method.Name] = true
	}
	for i := range service.Methods().Len() {
		if name := string(service.Methods().Get(i).Name()); !names[name] {
			return fmt.Errorf("register does not serve %s/%s; register an implementation of that service", service.FullName(), name)
		}
	}
	return nil
}
