package callers_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
	"github.com/grpcservice/grpcservice/runtime/client"
)

// patience is how long a test waits for what takes a second on an idle machine.
const patience = 5 * time.Minute

var patienceMillis = strconv.Itoa(int(patience.Milliseconds()) / 2)

// need returns the path of a program that `make test-servers` installs. Without it, the test is
// skipped, and fails in CI.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		lacks(t, program)
	}
	return path
}

// lacks skips the test because something is not installed.
func lacks(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing; run make test-servers", what)
	}
	t.Skipf("%s is missing; make test-servers installs it", what)
}

// buildServer builds the server of the shop, once.
var buildServer = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		return "", err
	}
	return dir, process.Build(context.Background(), dir, "server")
})

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	code := m.Run()
	if dir, err := buildServer(); err == nil {
		os.RemoveAll(dir)
	}
	return code
}

// shop is a running server, and a connection to it.
type shop struct {
	*process.Server
	users shopv1service.UserService
	chat  shopv1service.ChatService
	as    auth.Callers
}

// start serves the shop with three users, until the test ends. Flags are added to those of the test.
func start(t *testing.T, flags ...string) *shop {
	t.Helper()
	dir, err := buildServer()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	server, err := process.Start(context.Background(), filepath.Join(dir, "server"), &log, nil,
		append([]string{"-web", "127.0.0.1:0", "-drain-delay", "0s", "-uploads", t.TempDir()}, flags...)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	t.Cleanup(func() {
		server.Kill()
		if t.Failed() {
			t.Logf("%s", &log)
		}
	})
	conn, err := client.Dial(server.Addr, client.WithInsecure(), shopv1service.UserServiceConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	callers, err := auth.Provider{}.Callers()
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{
		Server: server, users: shopv1service.NewUserServiceClient(conn), chat: shopv1service.NewChatServiceClient(conn), as: callers,
	}
	for _, name := range []string{"Ada", "Bob", "Cleo"} {
		user := &shopv1.CreateUserRequest{Name: name, Email: name + "@example.com"}
		if _, err := s.users.CreateUser(callers.As(within(t), auth.Clerk), user); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// within returns a context that ends when the test has no more patience.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// sign returns a token.
func sign(t *testing.T, caller string) string {
	t.Helper()
	token, err := auth.Sign(caller)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
