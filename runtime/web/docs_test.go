package web_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1servicetest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// TestCommandsOfThePage runs the commands of docs/web.md.
func TestCommandsOfThePage(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs curl: make test-servers")
	}
	page, err := os.ReadFile("../../docs/web.md")
	if err != nil {
		t.Fatal(err)
	}
	srv := server.New(web.ServeAlone(), server.WithDrainDelay(0))
	libraryv1service.RegisterBookService(srv, libraryv1servicetest.NewFakeBookService(libraryv1servicetest.FakeBookService{
		GetBook: func(_ context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
			if req.GetIsbn() != "0-19-852663-6" {
				return nil, status.Errorf(codes.NotFound, "no book has the ISBN %q", req.GetIsbn())
			}
			return &libraryv1.GetBookResponse{Book: &libraryv1.Book{Title: "The Emperor's New Mind"}}, nil
		},
	}))
	addr := echotest.ListenAndServe(t, srv)
	n := 0
	for line := range strings.Lines(string(page)) {
		command, ok := strings.CutPrefix(strings.TrimPrefix(line, "$ "), "curl ")
		if !ok {
			continue
		}
		n++
		command = strings.ReplaceAll("curl -sS "+command, "localhost:8081", addr)
		out, err := exec.CommandContext(echotest.Context(t), "sh", "-c", command).CombinedOutput()
		want := `{"code":"not_found","message":"no book has the ISBN \"1\""}`
		if strings.Contains(command, "0-19-852663-6") {
			want = `"The Emperor's New Mind"`
		}
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s\n%s\n%v, want %s", command, out, err, want)
		}
	}
	if n != 3 {
		t.Errorf("the page has %d commands", n)
	}
}
