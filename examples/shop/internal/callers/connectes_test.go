package callers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
)

// importMap returns where a page finds the packages in a directory, which it imports by name: the
// files that their package.json has for imports.
func importMap(t *testing.T, dir string) string {
	t.Helper()
	imports := make(map[string]string)
	packages := []string{"@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web"}
	for _, name := range packages {
		text, err := os.ReadFile(filepath.Join(dir, "node_modules", name, "package.json"))
		if err != nil {
			t.Fatal(err)
		}
		var pkg struct {
			Exports map[string]struct{ Import string }
		}
		if err := json.Unmarshal(text, &pkg); err != nil {
			t.Fatal(err)
		}
		for path, file := range pkg.Exports {
			at := "/node_modules/" + name + strings.TrimPrefix(file.Import, ".")
			imports[name+strings.TrimPrefix(path, ".")] = at
		}
	}
	text, err := json.Marshal(map[string]any{"imports": imports})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// servePage serves a page that has connect-es, and returns its origin. The page keeps what it
// imports in the variables calls and descriptors.
func servePage(t *testing.T, dir string) (origin string) {
	t.Helper()
	page := `<!doctype html><link rel="icon" href="data:,">
		<script type="importmap">` + importMap(t, dir) + `</script>
		<script type="module">
			globalThis.calls = await import("/calls.js");
			const response = await fetch("/descriptors.binpb");
			globalThis.descriptors = new Uint8Array(await response.arrayBuffer());
		</script>`
	files := http.FileServerFS(os.DirFS(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			fmt.Fprint(w, page)
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestConnectES calls the shop with connect-es, over each transport: from a page of another origin,
// and from Node.
func TestConnectES(t *testing.T) {
	t.Parallel()
	dir := installed(t, "testdata/connectes")
	writeDescriptors(t, filepath.Join(dir, "descriptors.binpb"))
	origin := servePage(t, dir)
	s := start(t, "-web-origins", origin)
	token := sign(t, auth.Clerk)
	t.Run("browser", func(t *testing.T) { playInBrowser(t, s, token, origin) })
	t.Run("Node", func(t *testing.T) {
		cmd := exec.CommandContext(within(t), need(t, "node"), "node.js",
			"descriptors.binpb", "http://"+s.Web, token)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			if failed, ok := err.(*exec.ExitError); ok {
				t.Logf("%s", failed.Stderr)
			}
			t.Fatal(err)
		}
		checkPlayed(t, out)
	})
}

// checkPlayed checks what the calls over all transports report.
func checkPlayed(t *testing.T, results []byte) {
	t.Helper()
	const joined = "clerk has joined"
	var got map[string]any
	if err := json.Unmarshal(results, &got); err != nil {
		t.Fatalf("%v: %s", err, results)
	}
	if len(got) != 6 {
		t.Errorf("%d transports, want 6", len(got))
	}
	want := map[string]any{
		"unary":                  []any{"Ada", "Bob"},
		"server stream":          []any{"Teapot: 3200", "Green tea, 100 g: 790"},
		"details":                []any{"InvalidArgument", "INVALID_REQUEST", "email"},
		"request ID of an error": "string",
		"unauthenticated":        []any{"Unauthenticated", "UNAUTHENTICATED"},
		"details of a stream":    []any{"InvalidArgument", "room_id"},
		"canceled":               "Canceled",
		"room":                   []any{joined, joined, "clerk has left", "hello"},
		"deadline":               "DeadlineExceeded",
	}
	for transport, calls := range got {
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Errorf("%s (-want +got):\n%s", transport, diff)
		}
	}
}

// playInBrowser calls the shop from the page of an origin that the shop allows. The same page under
// another name is another origin, which it does not allow.
func playInBrowser(t *testing.T, s *shop, token, origin string) {
	b := startBrowser(t)
	open := func(url string) {
		t.Helper()
		b.do("Page.navigate", map[string]any{"url": url}, nil)
		b.until(fmt.Sprintf(`location.href === %q && globalThis.descriptors !== undefined`, url+"/"))
	}
	arguments := fmt.Sprintf(`descriptors, %q, %q`, "http://"+s.Web, token)
	open(origin)
	checkPlayed(t, []byte(b.eval(`calls.playAll(`+arguments+`)`)))
	open(strings.Replace(origin, "127.0.0.1", "localhost", 1))
	got := b.eval(`calls.playAll(` + arguments + `).then(() => "OK", (error) => error.message)`)
	if !strings.Contains(got, "Failed to fetch") {
		t.Errorf("a page of another origin has %s", got)
	}
}
