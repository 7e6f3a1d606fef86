package frameworks

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-kratos/kratos/v2"
	"github.com/go-kratos/kratos/v2/errors"
	"github.com/go-kratos/kratos/v2/log"
	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/core/proc"
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/freeport"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// patience is how long a test waits for what happens at once on an idle machine.
const patience = time.Minute

// books is a service of protoc-gen-go-grpc.
type books struct {
	libraryv1.UnimplementedBookServiceServer
}

// GetBook knows one book. Its error is one of kratos, which is a status.
func (books) GetBook(_ context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	if req.GetIsbn() != "1" {
		return nil, errors.NotFound("BOOK_UNKNOWN", "there is no such book")
	}
	return &libraryv1.GetBookResponse{Book: &libraryv1.Book{Isbn: "1", Title: "One"}}, nil
}

// The programs serve until their context ends.
var programs = map[string]func(ctx context.Context, addr string) error{
	"kratos before": func(ctx context.Context, addr string) error { return runApp(ctx, newApp(addr, books{})) },
	"kratos mixed":  func(ctx context.Context, addr string) error { return runApp(ctx, newMixedApp(addr, books{})) },
	"go-zero before": func(ctx context.Context, addr string) error {
		return runServer(ctx, addr, newServer)
	},
	"go-zero mixed": func(ctx context.Context, addr string) error {
		return runServer(ctx, addr, newMixedServer)
	},
	"after": func(ctx context.Context, addr string) error {
		callers := server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) {
			return runtime.NewPrincipal("reader", "books.read"), nil
		})
		return serve(ctx, addr, books{}, server.WithAuthenticator(callers), server.WithDrainDelay(0))
	},
}

func runApp(ctx context.Context, app *kratos.App) error {
	context.AfterFunc(ctx, func() { _ = app.Stop() })
	return app.Run()
}

func runServer(
	ctx context.Context, addr string,
	newServer func(zrpc.RpcServerConf, libraryv1.BookServiceServer) (*zrpc.RpcServer, error),
) error {
	var c zrpc.RpcServerConf
	if err := conf.FillDefault(&c); err != nil {
		return err
	}
	c.Name, c.ListenOn, c.DevServer.Enabled, c.Log.Level = "library", addr, false, "severe"
	srv, err := newServer(c, books{})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, proc.Shutdown)
	srv.Start()
	return nil
}

// TestCallersSeeNoDifference calls each program as a client of protoc-gen-go-grpc does.
func TestCallersSeeNoDifference(t *testing.T) {
	log.SetLogger(log.NewStdLogger(io.Discard))
	for name, run := range programs {
		t.Run(name, func(t *testing.T) {
			addr := fmt.Sprintf("127.0.0.1:%d", freeport.Get())
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- run(ctx, addr) }()
			check(t, addr)
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// check waits until a server is ready, and checks what a caller gets.
func check(t *testing.T, addr string) {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client := libraryv1.NewBookServiceClient(conn)
	resp, err := client.GetBook(ctx, &libraryv1.GetBookRequest{Isbn: "1"})
	if err != nil || resp.GetBook().GetTitle() != "One" {
		t.Errorf("GetBook returns %v, %v", resp, err)
	}
	_, err = client.GetBook(ctx, &libraryv1.GetBookRequest{Isbn: "2"})
	got := errors.FromError(err)
	if status.Code(err) != codes.NotFound || got.Reason != "BOOK_UNKNOWN" || got.Message != "there is no such book" {
		t.Errorf("for an unknown book, GetBook returns %v", err)
	}
}

// TestNamesOfThePage checks that the frameworks have what the tables of docs/moving.md name.
func TestNamesOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/moving.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("(?m)^\\| `([^`]+)`(?:, `([^`]+)`)?(?:, `([^`]+)`)?(?:, `([^`]+)`)?")
	found := make(map[string]bool)
	for _, row := range names.FindAllStringSubmatch(string(page), -1) {
		for _, name := range row[1:] {
			found[name] = true
		}
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/go-kratos/kratos/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"middleware/recovery", "middleware/auth/jwt", "middleware/ratelimit",
		"middleware/circuitbreaker", "middleware/selector", "middleware/validate", "registry"} {
		if _, err := os.Stat(filepath.Join(strings.TrimSpace(string(dir)), pkg)); err != nil || !found[pkg] {
			t.Errorf("%s: %v; named by the page: %v", pkg, err, found[pkg])
		}
	}
	config := reflect.TypeFor[zrpc.RpcServerConf]()
	for _, field := range []string{"CpuThreshold", "Auth", "DevServer", "Telemetry"} {
		if _, ok := config.FieldByName(field); !ok || !found[field] {
			t.Errorf("%s: a field: %v; named by the page: %v", field, ok, found[field])
		}
	}
}

// TestDefaultsOfThePage checks the default timeouts that the tables name.
func TestDefaultsOfThePage(t *testing.T) {
	var c zrpc.RpcServerConf
	if err := conf.FillDefault(&c); err != nil || c.Timeout != 2000 {
		t.Errorf("the timeout of zrpc is %d ms: %v", c.Timeout, err)
	}
}
