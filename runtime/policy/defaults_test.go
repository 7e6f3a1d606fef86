package policy

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// defaults returns the default of each option that has one in Go, by its path.
func defaults(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	collect := func(m Method, merged *grpcservicev1.Policy) {
		for _, d := range m.Defaults(m.Policy(merged), merged) {
			if d.Value != nil && d.Value != false && m.has(d.Field) {
				found[d.Field] = spell(t, d.Value)
			}
		}
	}
	for _, m := range []Method{everyPattern, searches, subscribes, uploads, collects, converses, chats} {
		collect(m, &grpcservicev1.Policy{})
	}
	for _, r := range rules {
		p := (&grpcservicev1.Policy{}).ProtoReflect()
		if fd := fieldOf(p, r.name); !r.isPattern && fd.Message() != nil && !fd.IsList() {
			p.Mutable(fd)
			collect(reads, p.Interface().(*grpcservicev1.Policy))
		}
	}
	return found
}

// has reports whether an option is of a pattern of the method, or of no pattern.
func (m Method) has(field string) bool {
	name, _, _ := strings.Cut(field, ".")
	return !rules.of(name).isPattern || m.Patterns.Has(name)
}

// spell writes a default as options do.
func spell(t *testing.T, value any) string {
	t.Helper()
	switch value := value.(type) {
	case string:
		d, err := time.ParseDuration(value)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%q", short(d))
	case []string:
		return strings.Join(value, ", ")
	default:
		return fmt.Sprint(value)
	}
}

// short writes a duration without the zeros that String adds.
func short(d time.Duration) string {
	text := d.String()
	if d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// derived are the defaults that do not complete a rule: they depend on the method, or a zero in
// Go stands for them.
var derived = map[string]string{
	"rate.burst":            "the calls of one second, at least 1",
	"idempotency_key.field": "request_id, or a field with a similar name",
	"log.level":             Policy{}.Log.Level.String(),
	"log.sample":            "1",
	"balancing.policy":      RoundRobin.Option(),
	"balancing.connections": "1",
}

// TestDefaultsInOptions compares the defaults that the comments of options.proto state with those
// of the table, in both directions.
func TestDefaultsInOptions(t *testing.T) {
	comments := commentsOf(t, "../../proto/grpcservice/v1/options.proto")
	want := defaults(t)
	maps.Copy(want, derived)
	stated := regexp.MustCompile(`The default is (.+?)(?:, \d+ [KMG]iB)?\.(?: |$)`)
	for _, path := range slices.Sorted(maps.Keys(comments)) {
		comment := comments[path]
		got := ""
		if m := stated.FindStringSubmatch(comment); m != nil {
			got = m[1]
		}
		if got != want[path] {
			t.Errorf("options.proto states the default %q for %s, want %q:\n%s", got, path, want[path], comment)
		}
		if strings.Contains(comment, "which is the default") && want[path] != "" {
			t.Errorf("options.proto states that 0 is the default of %s, want %s", path, want[path])
		}
		delete(want, path)
	}
	if len(want) > 0 {
		t.Errorf("options.proto has no fields for the defaults %v", want)
	}
}

// commentsOf returns the comment of each field of the options, by its path.
func commentsOf(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fields := fieldsOf(string(text))
	comments := map[string]string{}
	for name, rule := range fields["Policy"] {
		for option, f := range fields[rule.typeName] {
			comments[name+"."+option] = f.comment
		}
	}
	want := (&grpcservicev1.Policy{}).ProtoReflect().Descriptor().Fields().Len()
	if got := len(fields["Policy"]); got != want {
		t.Fatalf("%d fields of Policy were read, want %d", got, want)
	}
	return comments
}

// protoField is a field of a proto file.
type protoField struct{ typeName, comment string }

var (
	messageLine = regexp.MustCompile(`^message (\w+) \{`)
	fieldLine   = regexp.MustCompile(`^  (?:optional |repeated )?([\w.]+) (\w+) = \d+;`)
	commentLine = regexp.MustCompile(`^ *// ?(.*)`)
)

// fieldsOf returns the fields of the messages of a proto file, by message and name.
func fieldsOf(file string) map[string]map[string]protoField {
	fields := map[string]map[string]protoField{}
	var message, comment string
	for line := range strings.Lines(file) {
		if m := commentLine.FindStringSubmatch(line); m != nil {
			comment = strings.TrimSpace(comment + " " + m[1])
			continue
		}
		if m := messageLine.FindStringSubmatch(line); m != nil {
			message = m[1]
			fields[message] = map[string]protoField{}
		} else if m := fieldLine.FindStringSubmatch(line); m != nil && message != "" {
			fields[message][m[2]] = protoField{m[1], comment}
		}
		comment = ""
	}
	return fields
}

// TestDefaultsAreDocumented compares the defaults with the tables of the docs.
func TestDefaultsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range defaults(t) {
		rule, field, _ := strings.Cut(path, ".")
		_, section, _ := strings.Cut(string(page), "\n### "+rule+"\n")
		section, _, _ = strings.Cut(section, "\n### ")
		if got := documented(section, field); got != want && got != binary(want) {
			t.Errorf("the section %s of docs/policy.md has the default %q for %s, want %s", rule, got, field, want)
		}
	}
}

// documented returns the default of a field in a section's table. A row may have several fields.
func documented(section, field string) string {
	row := regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|.*\\| (.*) \\|$")
	for _, m := range row.FindAllStringSubmatch(section, -1) {
		names := strings.Split(strings.ReplaceAll(m[1], "`", ""), ", ")
		values := strings.Split(strings.ReplaceAll(m[2], "`", ""), ", ")
		if i := slices.Index(names, field); i >= 0 && i < len(values) {
			return values[i]
		}
	}
	return ""
}

// binary writes a number of bytes with the unit of the docs, or "".
func binary(number string) string {
	var n int64
	if _, err := fmt.Sscan(number, &n); err != nil {
		return ""
	}
	switch {
	case n > 0 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n > 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return ""
	}
}
