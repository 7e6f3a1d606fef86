package policy

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// FuzzParse checks that any policy file is either valid or has problems with positions inside it,
// and that its valid rules yield policies for every kind of method.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../../testdata/*/policy.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(err, "no seeds")
	}
	for _, file := range files {
		seed, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Add([]byte("version: v1\n---\nversion: v1\n"))
	f.Add([]byte("&a [*a]"))
	f.Add([]byte("? {a: b}\n: c\n"))
	f.Add([]byte("version: !!str v1\nrules: !!set {a}\n"))
	f.Add([]byte("\xfe\xff\x20\x28\x20\x28\x20\x05")) // line separators in UTF-16
	f.Fuzz(func(t *testing.T, content []byte) {
		file := Parse("policy.yaml", content)
		lines := countBreaks(content) + 2
		for _, problem := range file.Problems() {
			if problem.Text == "" || problem.Path != "policy.yaml" || problem.Line > lines && len(content) < 1000 {
				t.Errorf("the problem is %q at %s", problem.Text, problem.Position)
			}
		}
		for _, method := range []policy.Method{{}, {Idempotency: policy.Idempotent}, {ServerStreams: true, Idempotency: policy.NoSideEffects}} {
			checkDecision(t, file, method)
		}
	})
}

// countBreaks counts what YAML treats as a line break, in any encoding that content may have.
func countBreaks(content []byte) (n int) {
	text := []rune(string(content))
	for order, bom := range map[binary.ByteOrder]string{binary.BigEndian: "\xfe\xff", binary.LittleEndian: "\xff\xfe"} {
		if strings.HasPrefix(string(content), bom) {
			units := make([]uint16, len(content)/2)
			for i := range units {
				units[i] = order.Uint16(content[2*i:])
			}
			text = utf16.Decode(units)
		}
	}
	for _, r := range text {
		if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) {
			n++
		}
	}
	return n
}

// checkDecision checks the policy that a file sets for a method.
func checkDecision(t *testing.T, file *File, method policy.Method) {
	sources := append([]source{{policy: nil, wide: true}}, file.sources("acme.v1.Acme", "Get")...)
	merged, faults := policy.Merge(method, layersOf(sources))
	for _, fault := range faults {
		if p := sources[fault.Layer]; p.place != nil && fault.Text == "" {
			t.Errorf("fault %v has no text", fault)
		}
	}
	if len(faults) == 0 && len(policy.Check(merged)) > 0 {
		t.Errorf("the policy %v is not sound: %v", merged, policy.Check(merged))
	}
	for _, leaf := range leavesOf(merged) {
		if !policy.Sets(merged, leaf.field) {
			t.Errorf("%v does not set %s", merged, leaf.field)
		}
	}
	_ = method.Policy(merged)
	_ = file.Idle([]string{"acme.v1.Acme/Get"})
}
