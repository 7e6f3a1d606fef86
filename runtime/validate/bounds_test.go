package validate_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	shelfv1 "github.com/grpcservice/grpcservice/runtime/validate/internal/gen/shelf/v1"
)

// TestDepth checks that a request that is nested too deeply is rejected.
func TestDepth(t *testing.T) {
	check := bind(t, &shelfv1.Book{})
	nested := func(depth int) *shelfv1.Book {
		book := parse(t, &shelfv1.Book{}, good)
		for range depth {
			outer := parse(t, &shelfv1.Book{}, good)
			outer.Sequel, book = book, outer
		}
		return book
	}
	want(t, check, nested(100), "")
	err := check(context.Background(), nested(101))
	if found := fields(err); len(found) != 1 || found[0].GetReason() != "TOO_DEEP" {
		t.Errorf("got %v", err)
	}
}

// TestLimitsOfListsLimitExpressions checks that an expression over a list with an item too many is
// not evaluated: it would take hours.
func TestLimitsOfListsLimitExpressions(t *testing.T) {
	check := bind(t, &shelfv1.Pairs{})
	want(t, check, &shelfv1.Pairs{Items: make([]int32, 1<<20)}, "items repeated.max_items")
	want(t, check, &shelfv1.Pairs{Items: []int32{1, 2}}, "")
	want(t, check, &shelfv1.Pairs{Items: []int32{1, 1}}, " pairs.square")
}

// TestCancellation checks that the check of a large request ends with its call.
func TestCancellation(t *testing.T) {
	book := parse(t, &shelfv1.Book{}, good)
	for range 5000 {
		book.Editors = append(book.Editors, &shelfv1.Author{FamilyName: "x"})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := bind(t, &shelfv1.Book{})(ctx, book); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestLongTexts checks that texts that expressions compute are cut, and are UTF-8.
func TestLongTexts(t *testing.T) {
	pin := strings.Repeat("ä", 1<<20)
	err := bind(t, &shelfv1.Secret{})(context.Background(), &shelfv1.Secret{Puk: strings.Repeat("ä", 1<<20)})
	if status.Code(err) != codes.InvalidArgument || len(err.Error()) > 1000 {
		t.Errorf("got %d bytes", len(err.Error()))
	}
	err = bind(t, &shelfv1.Secret{})(context.Background(), &shelfv1.Secret{Pin: pin})
	if got := fields(err)[0].GetDescription(); len(got) > 210 || !strings.HasPrefix(got, "the PIN ä") {
		t.Errorf("got %q", got)
	}
}
