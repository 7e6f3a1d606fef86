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

// Timeouts of [Check].
const (
	// CallTimeout is the deadline of each call of a check. A method that waits may use all of it.
	CallTimeout = time.Second
	// QuietTimeout is how long a check waits for the next response of a stream before it cancels
	// the call: streams may be endless.
	QuietTimeout = 200 * time.Millisecond
	// ReturnTimeout is how long a method may take to return after its caller has gone or its
	// deadline has passed.
	ReturnTimeout = 5 * time.Second
)

// Check verifies that an implementation fulfills the contract of every service: whatever a caller
// sends, and whenever it goes away, a method returns with a status. register registers the
// implementation of service; opts are the server options that matter to its methods, such as
// interceptors.
//
// Each RPC is a subtest that calls the method through the real pipeline, with
//   - an empty request, and requests with extreme values: the smallest and largest numbers, NaN,
//     long and odd strings, unknown enum numbers, every arm of a oneof, filled lists, maps and
//     nested messages;
//   - bytes that are not a message;
//   - for request streams, no request at all, and several;
//   - a context that is cancelled and one whose deadline has passed, before the method is called;
//   - a caller that goes away once the method has started.
//
// It fails, with advice, if
//   - the method panics, or a goroutine of [runtime.Go] does;
//   - the method is still running [ReturnTimeout] after its deadline has passed or its caller has
//     gone;
//   - goroutines that it started are still running when the server has stopped, again in each of
//     three runs, so that a pool that fills once is not a leak;
//   - its caller receives UNKNOWN, which an error without a status becomes, or a code that gRPC
//     does not know;
//   - it returns neither a response nor an error, or a nil stream.
//
// All other results are accepted, including UNIMPLEMENTED and the method's own INTERNAL. The
// requests are the same in each run. They must reach the method: omit options that reject
// unauthenticated callers.
//
// The check sets the logger, the panic handler, the drain delay and the shutdown timeout of the
// server itself, even if opts has others. The log goes to t.
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

// served checks that register serves the methods of service.
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

// findings returns what is wrong with the method, as texts for its author.
func (tr trial) findings(t testing.TB, method protoreflect.MethodDescriptor, register func(grpc.ServiceRegistrar), opts []server.Option) []string {
	var leaked string
	for range leakRuns {
		var found []string
		found, leaked = tr.run(t, method, register, opts)
		if len(found) > 0 {
			return found
		}
		if leaked == "" {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: goroutines are still running %v after the server has stopped, in each of %d runs. "+
		"Start them with runtime.Go, which waits for them, or end them with the context of the call:\n\n%s", tr.name, LeakTimeout, leakRuns, leaked)}
}

// run makes the calls. It returns what is wrong, or else the stacks of leaked goroutines.
func (tr trial) run(t testing.TB, method protoreflect.MethodDescriptor, register func(grpc.ServiceRegistrar), opts []server.Option) (found []string, leaked string) {
	p := newProbe(t, newMark(), method)
	defer p.log.mute()
	p.mark.run(func() { found = p.try(tr.calls, register, opts) })
	if len(found) == 0 {
		leaked = p.mark.awaitNone(LeakTimeout)
	}
	return found, leaked
}
