package rpcerr_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// clientTrailers is what gRPC for other languages takes by default, in bytes.
const clientTrailers = 8 << 10

// giants are errors that are too large for a transport, by what is large in them.
func giants(t *testing.T) map[string]error {
	long := strings.Repeat("x", 1<<20)
	violations := make([]rpcerr.FieldViolation, 10_000)
	for i := range violations {
		violations[i] = rpcerr.Violation(fmt.Sprintf("books[%d]", i), "is not good")
	}
	retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)}
	base := reasonOutOfStock.Errorf(codes.NotFound, "no").WithRetryAfter(time.Second)
	many := base
	for i := range 300 {
		many = many.WithMetadata(fmt.Sprintf("key%d", i), strings.Repeat("v", i))
	}
	return map[string]error{
		"ASCII message":     reasonOutOfStock.Errorf(codes.NotFound, "%s", long).WithRetryAfter(time.Second),
		"message":           reasonOutOfStock.Errorf(codes.NotFound, "%s", strings.Repeat("日本語", 1<<18)).WithRetryAfter(time.Second),
		"message of status": echotest.StatusError(t, codes.NotFound, long, echotest.OutOfStock(nil), retry),
		"violations":        base.WithViolations(violations...),
		"metadata":          many,
		"detail":            base.WithResource("book", long, ""),
		"wrapped":           rpcerr.Wrap(echotest.StatusError(t, codes.NotFound, "no", &errdetails.RequestInfo{RequestId: long}, echotest.OutOfStock(nil), retry), "check"),
		"wrapped at length": rpcerr.Wrap(base, long),
		"everything": reasonOutOfStock.Errorf(codes.NotFound, "%s", long).WithMetadata("k", long).WithResource(long, "b", "").
			WithViolations(violations...).WithViolations(rpcerr.Violation(long, "%s", long)).WithRetryAfter(time.Second),
	}
}

// narrow connects to lis until the test ends with a client that takes few trailers.
func narrow(t *testing.T, lis *bufconn.Listener) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithMaxHeaderListSize(clientTrailers),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestGiantErrorsArrive checks that an error of any size arrives with its code, its reason and its
// pushback, at a client with grpc-go's default limit and at one with that of other languages.
func TestGiantErrorsArrive(t *testing.T) {
	for name, giant := range giants(t) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			lis, served := bufconn.Listen(1<<20), make(chan error, 1)
			srv := server.New(server.WithDrainDelay(0))
			server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(context.Context) error { return giant }))
			go func() { served <- srv.Serve(ctx, lis) }()
			for _, conn := range []*grpc.ClientConn{echotest.DialMemory(t, lis), narrow(t, lis)} {
				for kind, call := range echotest.Kinds {
					checkGiant(t, kind, call(echotest.Context(t), conn))
				}
			}
			cancel()
			echotest.Within(t, served)
		})
	}
}

func checkGiant(t *testing.T, kind string, err error) {
	t.Helper()
	if status.Code(err) != codes.NotFound || rpcerr.ReasonOf(err) != reasonOutOfStock {
		t.Errorf("%s: %v with reason %q", kind, status.Code(err), rpcerr.ReasonOf(err))
	}
	if _, ok := rpcerr.RetryAfter(err); !ok {
		t.Errorf("%s: the pushback is lost", kind)
	}
}

// TestSizeOnOtherServers checks that an Error fits without the pipeline too.
func TestSizeOnOtherServers(t *testing.T) {
	for name, giant := range giants(t) {
		if name != "message of status" {
			checkFits(t, name, status.Convert(giant))
		}
	}
}

// checkFits counts what the trailers of an error take.
func checkFits(t *testing.T, name string, st *status.Status) {
	t.Helper()
	wire, err := proto.Marshal(st.Proto())
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if size := len(wire)*4/3 + len(st.Message()) + 3*32; size > rpcerr.MaxErrorSize {
		t.Errorf("%s: %d bytes", name, size)
	}
}

// oversized has too much of everything but quotas.
func oversized() (*rpcerr.Error, []rpcerr.FieldViolation) {
	violations := make([]rpcerr.FieldViolation, 1000)
	for i := range violations {
		violations[i] = rpcerr.Violation(fmt.Sprintf("f%03d", i), "bad")
	}
	long := strings.Repeat("v", 10_000)
	return reasonOutOfStock.Errorf(codes.NotFound, "%s", strings.Repeat("é", 5000)).WithMetadata("big", long).
		WithDetail(&errdetails.RequestInfo{RequestId: "7", ServingData: long}).WithQuota("a", "1").WithViolations(violations...).
		WithPrecondition("a", long, "c").WithRetryAfter(time.Second), violations
}

// TestWhatIsKept holds the order in which an error loses its parts.
func TestWhatIsKept(t *testing.T) {
	err, violations := oversized()
	st := status.Convert(err)
	checkFits(t, "all", st)
	if message := st.Message(); message != strings.Repeat("é", 170)+"..." { // six bytes each in a trailer
		t.Errorf("the message is %q", message)
	}
	var names []string
	for _, detail := range st.Details() {
		names = append(names, string(detail.(proto.Message).ProtoReflect().Descriptor().Name()))
	}
	if got, want := strings.Join(names, " "), "ErrorInfo RetryInfo QuotaFailure BadRequest"; got != want {
		t.Fatalf("kept are %s, want %s", got, want)
	}
	if info, ok := rpcerr.Detail[*errdetails.ErrorInfo](st.Err()); !ok || info.GetMetadata() != nil {
		t.Errorf("ErrorInfo is %v", info)
	}
	kept := rpcerr.FieldViolations(st.Err())
	if n := len(kept); n < 200 || !slices.Equal(kept, violations[:n]) {
		t.Errorf("%d violations are kept, of %v", n, kept[0])
	}
}

// TestSmallErrorsStayAsTheyAre holds the limit itself.
func TestSmallErrorsStayAsTheyAre(t *testing.T) {
	message := strings.Repeat("x", 2900) // over MaxErrorMessage: it is cut only where the whole does not fit
	err := reasonOutOfStock.Errorf(codes.NotFound, "%s", message).WithResource("a", "b", "")
	echotest.WantStatus(t, err, codes.NotFound, message, echotest.OutOfStock(nil), &errdetails.ResourceInfo{ResourceType: "a", ResourceName: "b"})
}
