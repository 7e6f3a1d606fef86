//go:build !race

// The race detector adds allocations of its own.

package validate_test

import (
	"context"
	"fmt"
	goruntime "runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	ours "github.com/grpcservice/grpcservice/runtime/validate"
	shelfv1 "github.com/grpcservice/grpcservice/runtime/validate/internal/gen/shelf/v1"
)

// TestAllocations counts the allocations of valid messages. A message with messages in it costs one
// for each evaluation, and a CEL expression what it computes.
func TestAllocations(t *testing.T) {
	update := &shelfv1.UpdateBookRequest{}
	for name, test := range map[string]struct {
		req  proto.Message
		want float64
	}{
		"native rules":         {&shelfv1.Small{Name: "x"}, 0},
		"a field of a message": {&shelfv1.Author{FamilyName: "x"}, 0},
		"an update with a mask": {
			parse(t, update, `book: {name: "books/dune" title: "Dune"} update_mask: {paths: "title"}`), 5,
		},
	} {
		check := bind(t, test.req)
		got := testing.AllocsPerRun(100, func() {
			if err := check(context.Background(), test.req); err != nil {
				t.Fatal(err)
			}
		})
		if got > test.want {
			t.Errorf("%s: %v allocations, want at most %v", name, got, test.want)
		}
	}
}

// TestMemoryOfRules bounds the memory that the rules of a large graph of messages keep, all of
// which hold others and have a rule.
func TestMemoryOfRules(t *testing.T) {
	const messages, fields, most = 300, 10, 5 << 20
	var proto strings.Builder
	for i := range messages {
		fmt.Fprintf(&proto, `message M%d { string s = 20 [(buf.validate.field).string.min_len = 3];`, i)
		for f := range fields {
			fmt.Fprintf(&proto, "repeated M%d f%d = %d;", (i*fields+f)%messages, f, f+1)
		}
		proto.WriteString("}")
	}
	desc := compiled(t, proto.String()+"message M { M1 m = 1; }")
	before, v := heap(), ours.New()
	if _, err := v.Bind(runtime.MethodInfo{}, desc); err != nil {
		t.Fatal(err)
	}
	kept := heap() - before
	if _, err := v.Bind(runtime.MethodInfo{}, desc.Fields().Get(0).Message()); err != nil {
		t.Fatal(err)
	}
	again := heap() - before - kept
	if kept > most || again > kept/4 && again < 1<<40 {
		t.Errorf("%d messages keep %d KiB, another method with the same %d KiB", messages, kept>>10, again>>10)
	}
	goruntime.KeepAlive(v)
}

func heap() uint64 {
	var stats goruntime.MemStats
	for range 2 {
		goruntime.GC()
	}
	goruntime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// TestMemoryOfViolations bounds what requests of some megabytes that violate a rule in each of
// their elements allocate.
func TestMemoryOfViolations(t *testing.T) {
	const most = 256 << 10
	check := bind(t, &shelfv1.Book{})
	books := make(map[string]*shelfv1.Book)
	for _, name := range []string{"tags", "editors", "authors", "sequels"} {
		books[name] = parse(t, &shelfv1.Book{}, good)
	}
	books["authors"].Authors = make(map[string]*shelfv1.Author)
	for i := range 100_000 {
		books["tags"].Tags = append(books["tags"].Tags, "")
		books["editors"].Editors = append(books["editors"].Editors, &shelfv1.Author{})
		books["authors"].Authors[fmt.Sprint(i)] = &shelfv1.Author{}
	}
	for range 5000 {
		books["sequels"] = &shelfv1.Book{Sequel: books["sequels"]}
	}
	for name, book := range books {
		var before, after goruntime.MemStats
		goruntime.ReadMemStats(&before)
		err := check(context.Background(), book)
		goruntime.ReadMemStats(&after)
		found := len(fields(err))
		if got := after.TotalAlloc - before.TotalAlloc; err == nil || found > 20 || got > most {
			t.Errorf("%s: %d violations, %d KiB", name, found, got>>10)
		}
	}
}
