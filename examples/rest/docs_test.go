package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	libraryv1 "github.com/grpcservice/grpcservice/examples/rest/gen/library/v1"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// block is a fenced block of a page.
type block struct{ language, text string }

// blocksOfPage returns the blocks of docs/rest.md.
func blocksOfPage(t *testing.T) (blocks []block) {
	t.Helper()
	parts := strings.Split(read(t, "../../docs/rest.md"), "```")
	for i := 1; i < len(parts); i += 2 {
		language, text, _ := strings.Cut(parts[i], "\n")
		blocks = append(blocks, block{language, text})
	}
	return blocks
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFilesOfThePage checks that the page shows this program.
func TestFilesOfThePage(t *testing.T) {
	sources := map[string]string{
		"go":    read(t, "rest.go") + read(t, "main.go"),
		"yaml":  "# buf.gen.yaml\n" + read(t, "buf.gen.yaml"),
		"proto": read(t, "proto/library/v1/book_service.proto"),
	}
	shown := make(map[string]int)
	for _, b := range blocksOfPage(t) {
		if source, ok := sources[b.language]; ok {
			shown[b.language]++
			if !strings.Contains(source, b.text) {
				t.Errorf("the program does not have this:\n%s", b.text)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"go": 2, "yaml": 1, "proto": 1}, shown); diff != "" {
		t.Error(diff)
	}
	for plugin, module := range map[string]string{
		"protoc-gen-grpc-gateway": "github.com/grpc-ecosystem/grpc-gateway/v2",
		"protoc-gen-go-grpc":      "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
	} {
		want := plugin + "@" + version(t, module)
		if !strings.Contains(read(t, "../../docs/rest.md"), want) {
			t.Errorf("the page does not install %s, which tools/go.mod has", want)
		}
	}
}

// version returns the version of a module in tools/go.mod.
func version(t *testing.T, module string) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, "../../tools/go.mod"), "\t"+module+" ")
	if !ok {
		t.Fatalf("tools/go.mod does not have %s", module)
	}
	return strings.Fields(rest)[0]
}

// TestCommandsOfThePage runs the commands of the page, and compares what they print.
func TestCommandsOfThePage(t *testing.T) {
	t.Parallel() // it waits for the end of a stream
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("curl is missing; make test-servers installs it")
		}
		t.Skip("curl is missing; make test-servers installs it")
	}
	// So that the test ends, a stream lasts for seconds, not for an hour.
	s := start(t, server.WithPolicy([]byte(`{"library.v1.BookService/WatchBooks": {"timeout": {"total": "4s"}}}`)))
	s.mu.Lock()
	s.byName = map[string]*libraryv1.Book{"shelves/1/books/1": {Name: "shelves/1/books/1", Title: "One"}}
	s.mu.Unlock()
	blocks, ran := blocksOfPage(t), 0
	for i, b := range blocks {
		if b.language != "sh" {
			continue
		}
		ran++
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		cmd := exec.CommandContext(ctx, "sh", "-e", "-c", strings.ReplaceAll(b.text, "localhost:8081", s.url))
		cmd.Env = append(os.Environ(), "KEY="+key, "no_proxy=127.0.0.1")
		out, err := cmd.Output()
		cancel()
		if err != nil {
			t.Fatalf("%v: %s", err, b.text)
		}
		if diff := cmp.Diff(parsed(t, blocks[i+1].text), parsed(t, string(out))); blocks[i+1].language != "json" || diff != "" {
			t.Errorf("%s (-page +printed):\n%s", b.text, diff)
		}
	}
	if ran != 4 {
		t.Errorf("%d commands", ran)
	}
}

// TestRun serves on both ports until the context ends.
func TestRun(t *testing.T) {
	t.Parallel() // it waits for the drain delay
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, "127.0.0.1:0", "127.0.0.1:0") }()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := run(t.Context(), "127.0.0.1:0", taken.Addr().String()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("an address that is taken: %v", err)
	}
}
