//go:build !race

// The race detector adds allocations.

package filter_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/grpcservice/grpcservice/runtime/filter"
)

// TestSearchesAreBounded checks that no filter scans a message more than MaxSearches times, and
// that comparisons that scan nothing do not count.
func TestSearchesAreBounded(t *testing.T) {
	schema := filter.For(userDescriptor(t), filter.WithFunction("f", func([]filter.Operand) (func(context.Context, proto.Message) bool, error) {
		return func(context.Context, proto.Message) bool { return false }, nil
	}))
	for _, search := range []string{`x`, `f(x)`, `tags:x`, `homes.city:x`, `labels:x`, `name = "*x*"`, `name:"a*b*c"`, `extra.x:y`, `list:x`, `detail.metadata:x`, `detail.reason = "*x*"`} {
		if _, err := schema.Parse("filter", strings.Repeat(search+" ", filter.MaxSearches)); err != nil {
			t.Errorf("%s: %v", search, err)
		}
		_, err := schema.Parse("filter", strings.Repeat(search+" ", filter.MaxSearches+1))
		if err == nil || !strings.Contains(err.Error(), "the filter has more than 64 searches") {
			t.Errorf("%s: %v, want that there are too many searches", search, err)
		}
	}
	for _, comparison := range []string{`age = 1`, `name = x`, `name = "x*"`, `name:"*x"`, `name:*`, `labels.tier = gold`, `extra.x = 1`, `detail.reason = x`, `address:city`, `age:1`} {
		if _, err := schema.Parse("filter", strings.Repeat(comparison+" ", filter.MaxLength/(len(comparison)+1)/2)); err != nil {
			t.Errorf("%s: %v", comparison, err)
		}
	}
}

// lapsing is a context that is done after it has been checked a number of times.
type lapsing struct {
	context.Context
	asks int
}

func (c *lapsing) Err() error {
	if c.asks--; c.asks < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestMatchEndsWithItsContext checks that everything that reads much of a message checks the
// context meanwhile, and returns its error.
func TestMatchEndsWithItsContext(t *testing.T) {
	var many []any
	for range 100_000 {
		many = append(many, "a text to look into")
	}
	list, err := structpb.NewList(many)
	if err != nil {
		t.Fatal(err)
	}
	labels := make(map[string]string)
	for i := range 100_000 {
		labels[strings.Repeat("x", i%7)+string(rune(i))] = ""
	}
	packed, err := anypb.New(&errdetails.ErrorInfo{Metadata: labels})
	if err != nil {
		t.Fatal(err)
	}
	type match struct {
		text string
		m    proto.Message
	}
	matches := []match{
		{`values:zebra`, list}, {`zebra`, list}, {`-zebra`, list}, {`metadata:zebra`, &errdetails.ErrorInfo{Metadata: labels}},
		{`details.metadata:zebra`, &spb.Status{Details: []*anypb.Any{packed}}},
		{strings.Repeat(`message = "*x*" OR `, 50) + "code = 1", &spb.Status{Message: strings.Repeat("a", 1<<20)}},
	}
	for _, test := range matches {
		f, err := filter.For(test.m.ProtoReflect().Descriptor()).Parse("filter", test.text)
		if err != nil {
			t.Fatal(err)
		}
		for asks := range 2 {
			if got, err := f.Match(&lapsing{t.Context(), asks}, test.m); got || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%.40s: asked %d times: got %v, %v; want the error of the context", test.text, asks, got, err)
			}
		}
		if _, err := f.Match(&lapsing{t.Context(), 10_000}, test.m); err != nil {
			t.Errorf("%.40s: %v", test.text, err)
		}
	}
}

// TestAnAnyIsDecodedOnce checks what the second and the hundredth comparison in an Any allocate.
func TestAnAnyIsDecodedOnce(t *testing.T) {
	packed, err := anypb.New(&errdetails.DebugInfo{StackEntries: slices.Repeat([]string{"entry"}, 30_000)})
	if err != nil {
		t.Fatal(err)
	}
	m := &spb.Status{Details: []*anypb.Any{packed}}
	schema := filter.For(m.ProtoReflect().Descriptor())
	cost := func(comparisons int) int {
		f, err := schema.Parse("filter", strings.Repeat("-details.detail:x ", comparisons))
		if err != nil {
			t.Fatal(err)
		}
		matches(t, f, m) // compiled once for the type
		return allocated(func() { matches(t, f, m) })
	}
	if one, many := cost(1), cost(60); many > one+one/10 {
		t.Errorf("60 comparisons allocate %d bytes, one %d", many, one)
	}
}

// TestWordsAreSearchedTogether checks that a text is lowercased once, however many words there are.
func TestWordsAreSearchedTogether(t *testing.T) {
	m := &spb.Status{Message: strings.Repeat("A text. ", 20_000)}
	schema := filter.For(m.ProtoReflect().Descriptor())
	cost := func(words int) int {
		f, err := schema.Parse("filter", strings.Repeat("-zebra ", words))
		if err != nil {
			t.Fatal(err)
		}
		return allocated(func() { matches(t, f, m) })
	}
	if one, many := cost(1), cost(60); many > one+one/10 {
		t.Errorf("60 words allocate %d bytes, one %d", many, one)
	}
}

// TestDeepMessagesAreSearched checks that the cost of a place in a message does not depend on its
// depth.
func TestDeepMessagesAreSearched(t *testing.T) {
	value := structpb.NewStringValue("needle")
	const depth = 4000
	for range depth {
		value = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{value}})
	}
	for _, fields := range []filter.Option{filter.WithSearch("list_value"), func(*filter.Schema) {}} {
		f, err := filter.For(value.ProtoReflect().Descriptor(), fields).Parse("filter", "needle")
		if err != nil {
			t.Fatal(err)
		}
		got := allocated(func() {
			if !matches(t, f, value) {
				t.Error("the needle is not found")
			}
		})
		if most := depth * 512; got > most {
			t.Errorf("%d bytes allocated for %d messages in each other, at most %d", got, depth, most)
		}
	}
}

// TestParsingIsLinear checks what parsing allocates, and how much of a filter its errors quote.
func TestParsingIsLinear(t *testing.T) {
	user := userDescriptor(t)
	long := strings.Repeat("x", filter.MaxLength-100)
	for _, text := range []string{
		strings.Repeat("manager.", filter.MaxLength/8-1) + "age = 1",
		strings.Repeat("manager.", filter.MaxDepth-1) + "age = (" + strings.Repeat("1 ", filter.MaxTerms-1) + ")",
		strings.Repeat("manager.", filter.MaxDepth-1) + "age = (" + strings.Repeat("1 ", filter.MaxTerms-1) + "x)",
		"age = " + long, "age = \"" + long + "\"", "labels." + long + " = (1 OR 2)", "labels." + long + " < 3 age = x", "by_id." + long + " = 1", long, long + "()", "created > " + long,
		"delay = " + long, "active > " + long, "extra." + long + " = 1", "count = " + strings.Repeat("9", filter.MaxLength-100), "tags." + long + " = 1",
		strings.Repeat("and ", 1000), strings.Repeat("!", 8000), strings.Repeat("a.", 4000), "a" + strings.Repeat(".*", 4000), strings.Repeat("*", 8000), "name = " + strings.Repeat("*.", 16) + "*",
		strings.Repeat("(", 33) + long, "age < " + strings.Repeat("-", 8000),
	} {
		for _, fields := range []filter.Option{filter.WithFields("manager", "age", "labels", "name"), func(*filter.Schema) {}} {
			schema := filter.For(user, fields)
			var err error
			if got, most := allocated(func() { _, err = schema.Parse("filter", text) }), 3<<20; got > most {
				t.Errorf("%.40s…: %d bytes allocated, at most %d", text, got, most)
			}
			if size := proto.Size(status.Convert(err).Proto()); size > 1<<10 {
				t.Errorf("%.40s…: the error has %d bytes: %.300s", text, size, err)
			}
		}
	}
}

// allocated returns the number of bytes that f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}
