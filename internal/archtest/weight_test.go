package archtest

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// The first minute of a new user is the time in which an empty build cache compiles the plugin and
// a service. These tests fail if either links a large package that it does without.

// TestPluginLinksLittle checks that the plugin compiles without the network, cryptography beyond
// hashes, databases, and modules other than protobuf and yaml.
func TestPluginLinksLittle(t *testing.T) {
	modules := []string{self, "google.golang.org/protobuf", "go.yaml.in/yaml"}
	checkLinks(t, linked(t, "cmd/protoc-gen-grpcservice"), modules,
		"net", "net/http", "crypto/tls", "crypto/x509", "crypto/rsa", "crypto/ecdsa", "database/sql", "encoding/xml", "encoding/gob",
		"archive/zip", "image", "testing", "runtime/cgo", "runtime/pprof", "runtime/trace", "expvar")
}

// TestProgramLinksLittle checks the packages that the main.go and the telemetry.go of the skeleton
// import: what comes with them is grpc, Prometheus, the SDK of OpenTelemetry and its OTLP exporter
// over gRPC, and no other exporter, database or code for Go source.
func TestProgramLinksLittle(t *testing.T) {
	for _, dir := range []string{"runtime/server", "runtime/seal", "runtime/admin", "runtime/grpcotel", "runtime/grpcprom", "runtime/otlp"} {
		checkLinks(t, linked(t, dir), nil,
			"database/sql", "encoding/xml", "encoding/gob", "archive/zip", "image", "testing", "os/exec",
			"go/types", "go/ast", "go/parser", "go/format",
			"google.golang.org/protobuf/compiler/protogen", "google.golang.org/grpc/xds", "google.golang.org/grpc/internal/xds",
			"github.com/golang/protobuf", "github.com/klauspost/compress",
			"go.opentelemetry.io/otel/sdk/metric", "go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp",
			"go.yaml.in/yaml", "sigs.k8s.io/yaml")
	}
}

// links are the packages that the one in dir links, by import path, and those of the standard
// library among them.
type links struct {
	dir      string
	packages []string
	standard map[string]bool
}

// linked lists what the package in a directory links. It may be in a nested module.
func linked(t *testing.T, dir string) links {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{.Standard}}", ".")
	cmd.Dir = path.Join("../..", dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list in %s: %v", dir, err)
	}
	l := links{dir: dir, standard: make(map[string]bool)}
	for line := range strings.Lines(string(out)) {
		name, standard, _ := strings.Cut(strings.TrimSpace(line), " ")
		l.packages = append(l.packages, name)
		l.standard[name] = standard == "true"
	}
	return l
}

// checkLinks reports packages that are in the list never, or below one that is not of the standard
// library, and packages of other modules than those listed, unless there are none.
func checkLinks(t *testing.T, l links, modules []string, never ...string) {
	t.Helper()
	for _, name := range l.packages {
		banned := func(other string) bool {
			return name == other || strings.Contains(other, ".") && within(name, other)
		}
		if slices.ContainsFunc(never, banned) {
			t.Errorf("%s links %s; find the import that brings it, and do without", l.dir, name)
		}
		known := func(module string) bool { return within(name, module) }
		if modules != nil && !l.standard[name] && !slices.ContainsFunc(modules, known) {
			t.Errorf("%s links %s, of a module that it did without", l.dir, name)
		}
	}
}
