package web_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1servicetest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// TestToolsOfThePage runs the commands of docs/web.md with grpcurl and buf, which learn the
// messages by reflection.
func TestToolsOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/web.md")
	if err != nil {
		t.Fatal(err)
	}
	srv := server.New(web.ServeAlone(), server.WithDrainDelay(0), server.WithReflection())
	books := libraryv1servicetest.FakeBookService{GetBook: func(
		_ context.Context, req *libraryv1.GetBookRequest,
	) (*libraryv1.GetBookResponse, error) {
		return &libraryv1.GetBookResponse{Book: &libraryv1.Book{Title: "The book " + req.GetIsbn()}}, nil
	}}
	libraryv1service.RegisterBookService(srv, libraryv1servicetest.NewFakeBookService(books))
	addr := echotest.ListenAndServe(t, srv)
	n := 0
	for line := range strings.Lines(string(page)) {
		tool, _, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(line, "grpcurl ") && !strings.HasPrefix(line, "buf curl ") {
			continue
		}
		n++
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("needs %s: make tools, and .bin in PATH", tool)
		}
		command := strings.ReplaceAll(line, "localhost:8081", addr)
		out, err := exec.CommandContext(echotest.Context(t), "sh", "-c", command).CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"The book 0-19-852663-6"`) {
			t.Errorf("%s%s\n%v", command, out, err)
		}
	}
	if n != 3 {
		t.Errorf("%d commands, want 3", n)
	}
}
