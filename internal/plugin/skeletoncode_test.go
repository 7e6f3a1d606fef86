package plugin_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// skeletonCases lists the name prefixes of the test cases that get starter code: all shapes of
// RPCs, and unusual names.
var skeletonCases = []string{"skeleton_", "kinds", "package_names", "initialisms", "keyword_packages", "several", "torture_names", "torture_streams",
	"pattern_odd", "pattern_packages", "pattern_opaque", "policy_options"}

// writeSkeletons writes the starter code of these test cases, and the programs that serve their
// services, into the module of all generated code. It returns the packages that it wrote.
func writeSkeletons(t *testing.T, module goModule) (packages []string) {
	t.Helper()
	for _, c := range testCases(t) {
		if !slices.ContainsFunc(skeletonCases, func(prefix string) bool { return strings.HasPrefix(c.name, prefix) }) {
			continue
		}
		request := c.request(t)
		if run(t, request).err != "" {
			continue
		}
		dir := "skeleton/" + c.name
		own := without(c.options, "paths", "module", "emit", "report", "strict", "templates", "skeleton_dir", "app", "deploy_dir", "app_name", "image", "port", "tls_secret")
		request.Parameter = proto.String(strings.TrimPrefix(own+",emit=skeleton,skeleton_dir="+dir+",app="+dir+"/cmd/server", ","))
		tree := fstest.MapFS{"go.mod": {Data: []byte("module example.com\n"), Mode: 0o644}}
		first := runIn(t, request, tree, ".")
		if first.err != "" {
			t.Errorf("%s: %s", c.name, first.err)
		}
		for file, content := range first.files {
			tree[file] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
		}
		warnings := withoutNew(first.warnings)
		if second := runIn(t, request, tree, "."); len(second.files) > 0 || second.err != "" || second.warnings != warnings {
			t.Errorf("%s: the second run writes %q (%s), and warns of %q; want nothing, and what the first run warns of but for new methods, %q",
				c.name, slices.Collect(maps.Keys(second.files)), second.err, second.warnings, warnings)
		}
		writeTree(t, module.dir, first.files)
		if len(first.files) > 0 {
			packages = append(packages, "./"+dir, "./"+dir+"/cmd/server")
		}
	}
	return packages
}

// withoutNew returns warnings without those about methods that a run has just written.
func withoutNew(warnings string) (others string) {
	for line := range strings.Lines(warnings) {
		if !strings.Contains(line, ": the new method ") {
			others += line
		}
	}
	return others
}

// addresses are those on which a program serves.
type addresses struct {
	GRPC string `json:"address"`
	Web  string `json:"web_address"`
}

// checkProgram runs a generated program. It checks that the program serves, calls check, and checks
// that the program stops on an interrupt.
func checkProgram(t *testing.T, module goModule, pkg string, check func(*testing.T, addresses), env ...string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "server.exe")
	module.mustRun(t, "go", "build", "-o", binary, pkg)
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(os.Environ(), "ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0", "LOG_LEVEL=INFO", "WITHOUT_AUTHENTICATION=true")
	cmd.Env = append(cmd.Env, env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving, logged := make(chan addresses, 1), make(chan error, 1)
	go func() { logged <- readLog(stderr, serving) }()
	if at, ok := <-serving; ok {
		check(t, at)
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
	}
	if err := <-logged; err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program ends with %v", err)
	}
}

// readLog reads the log of a program to its end, and sends the addresses on which the program serves.
// It returns an error with the whole log if a line is not JSON or the program never serves.
func readLog(log io.Reader, serving chan<- addresses) error {
	defer close(serving)
	var all bytes.Buffer
	served, invalid := false, false
	for lines := bufio.NewScanner(io.TeeReader(log, &all)); lines.Scan(); {
		var record struct {
			Msg string
			addresses
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			invalid = true
		} else if record.Msg == "serving" && !served {
			served = true
			serving <- record.addresses
		}
	}
	if !served || invalid {
		return fmt.Errorf("serves: %v; has a line that is not JSON: %v; the log is\n%s", served, invalid, &all)
	}
	return nil
}

// checkHTTP checks that a method of the case skeleton_web is served over HTTP.
func checkHTTP(t *testing.T, at addresses) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	url := "http://" + at.Web + "/bistro.v1.Bistro/GetMenu"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Error(err)
		return
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(body), `"code":"unimplemented"`) {
		t.Errorf("%s returns %s %q (%v), want the error unimplemented", url, response.Status, body, err)
	}
}

// checkUnimplemented checks that the services of a server are healthy and that RPCs return
// UNIMPLEMENTED.
func checkUnimplemented(t *testing.T, at addresses) {
	t.Helper()
	conn, err := grpc.NewClient(at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, service := range []string{"", "library.v1.BookService", "library.v1.IndexService"} {
		health, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
		if err != nil || health.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("the health of %q is %v (%v), want SERVING", service, health.GetStatus(), err)
		}
	}
	for _, method := range []string{"GetBook", "CreateBook", "DeleteBook", "ListBooks", "ListWords", "ImportBooks", "WatchBooks", "Chat"} {
		err := call(ctx, conn, "/library.v1.BookService/"+method)
		if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), method) {
			t.Errorf("%s answers %v, want UNIMPLEMENTED with its name", method, err)
		}
	}
}

// call makes a call with one empty request and returns its error.
func call(ctx context.Context, conn *grpc.ClientConn, method string) error {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(&emptypb.Empty{}); err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return stream.RecvMsg(&emptypb.Empty{})
}

// namesDeprecated reports whether staticcheck may complain about starter code, because its proto
// deprecates something that the code must refer to.
func namesDeprecated(t *testing.T, pkg string) bool {
	t.Helper()
	name := path.Base(strings.TrimSuffix(pkg, "/cmd/server"))
	found := false
	err := filepath.WalkDir(filepath.Join(testdata, name), func(at string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(at, ".proto") {
			content := readFile(t, at)
			found = found || strings.Contains(content, "deprecated = true") || strings.Contains(content, "Deprecated:")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
