package validate_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/validate"
	shelfv1 "github.com/grpcservice/grpcservice/runtime/validate/internal/gen/shelf/v1"
)

// TestRules has a row for each kind of rule.
func TestRules(t *testing.T) {
	check := bind(t, &shelfv1.Book{})
	for text, violated := range map[string]string{
		good:                               "",
		`title: "Dune" person: "ada"`:      "name string.pattern",
		`name: "books/dune" person: "ada"`: "title string.min_len",
		`name: "books/dune" title: "Dune"`: "owner required",
		`name: "books/dune" title: "Dune" library: "ox"`:                          "library string.min_len",
		good + `last_page: 10001`:                                                 "last_page int32.lte",
		good + `isbn: "12"`:                                                       "isbn string.isbn",
		good + `isbn: "9780441172719"`:                                            "",
		good + `tags: "a" tags: "a"`:                                              "tags repeated.unique",
		good + `tags: "a" tags: ""`:                                               "tags[1] string.min_len",
		good + `authors: {key: "de" value: {family_name: "x"}}`:                   "",
		good + `authors: {key: "de" value: {}}`:                                   `authors["de"].family_name string.min_len`,
		good + `authors: {key: "D" value: {family_name: "x"}}`:                    `authors["D"] string.pattern`,
		good + `editors: {family_name: "x"} editors: {}`:                          "editors[1].family_name string.min_len",
		good + `sequel: {` + good + ` sequel: {}}`:                                "sequel.sequel.name string.pattern, sequel.sequel.title string.min_len, sequel.sequel.owner required",
		good + `extra: {type_url: "x"}`:                                           "extra any.in",
		good + `extra: {[type.googleapis.com/shelf.v1.Author] {family_name: ""}}`: "", // the method checks it
		good + `subtitle: "x"`:                                                    "", // replaced below
		good + `published: {seconds: 99999999999}`:                                "published timestamp.lt_now",
		good + `created: {seconds: 1}`:                                            "", // OUTPUT_ONLY: ignored, even unset
		good + `paper: true cloth: true`:                                          " message.oneof",
		good + `first_page: 2 last_page: 1`:                                       " book.pages",
		good + `first_page: -1`:                                                   " this.first_page >= 0",
		good + `sequel: {` + good + `first_page: 2}`:                              "sequel book.pages",
		good + `first_page: 2 last_page: 1 tags: ""`:                              "tags[0] string.min_len", // fields first
		good + `printer: {}`:                                                      "",
		good + `readers: {} readers: {family_name: "x"}`:                          "",
		good + `genre: 7`:                                                         "genre enum.defined_only",
		good + `chapter: 7`:                                                       "chapter book.chapter",
		good + `labels: {fields: {key: "a" value: {null_value: 0}}}`:              "",
	} {
		if text == good+`subtitle: "x"` {
			text, violated = strings.Replace(good, "Messiah", "x", 1), "subtitle string.min_len"
		}
		want(t, check, parse(t, &shelfv1.Book{}, text), violated)
	}
}

// TestTexts checks the texts that callers read.
func TestTexts(t *testing.T) {
	check := bind(t, &shelfv1.Book{})
	for text, want := range map[string]string{
		good + `isbn: "12"`:                 "invalid request: isbn: must be an ISBN",
		good + `first_page: 2 last_page: 1`: "invalid request: the last page is before the first",
		good + `first_page: -1`:             `invalid request: "this.first_page >= 0" returned false`,
		good + `chapter: 7`:                 "invalid request: chapter: must not be 7",
	} {
		err := check(context.Background(), parse(t, &shelfv1.Book{}, text))
		if got := status.Convert(err).Message(); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// TestNothingConfidentialIsShown checks texts and paths of fields with debug_redact.
func TestNothingConfidentialIsShown(t *testing.T) {
	check := bind(t, &shelfv1.Book{})
	for text, want := range map[string]string{
		`pin: "hunter2345"`:                "secret.pin: it violates the rule secret.pin",
		`puk: "hunter23456789"`:            "secret.puk: must be at most 12 characters",
		`pin: "hunter2" puk: "hunter2"`:    "secret: it violates the rule secret.differs",
		`keys: {key: "hunter2" value: {}}`: "secret.keys[*].family_name: must be at least 1 characters",
	} {
		err := check(context.Background(), parse(t, &shelfv1.Book{}, good+"secret: {"+text+"}"))
		if got := status.Convert(err).Message(); !strings.HasPrefix(got, "invalid request: "+want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	// The message itself has no debug_redact, but rules over a message with such fields may show them.
	err := bind(t, &shelfv1.Secret{})(context.Background(), &shelfv1.Secret{Pin: "a", Puk: "a"})
	if got := status.Convert(err).Message(); !strings.Contains(got, "are both a") {
		t.Errorf("a message without debug_redact: got %q", got)
	}
}

// TestFaultsOfRules checks that a rule that cannot be evaluated admits no request.
func TestFaultsOfRules(t *testing.T) {
	check := bind(t, &shelfv1.Faulty{})
	for text, cause := range map[string]string{
		`divisor: 1`:            "validate: the rules of shelf.v1.Faulty cannot be evaluated: runtime error: error evaluating faulty.first: index out of bounds: 0",
		`divisor: 0 numbers: 1`: "validate: the rules of shelf.v1.Faulty.divisor cannot be evaluated: runtime error: error evaluating faulty.divisor: division by zero",
	} {
		err := check(context.Background(), parse(t, &shelfv1.Faulty{}, text))
		if status.Code(err) != codes.Internal || err.Error() != cause || strings.Contains(status.Convert(err).Message(), "faulty") {
			t.Errorf("%s: got %v, status %v", text, err, status.Convert(err))
		}
	}
	want(t, check, &shelfv1.Faulty{Divisor: 1, Numbers: []int32{1}}, "")
}

func TestMessagesWithoutRulesHaveNoCheck(t *testing.T) {
	for _, m := range []proto.Message{&shelfv1.FreeRequest{}} {
		check, err := validate.New().Bind(runtime.MethodInfo{}, m.ProtoReflect().Descriptor())
		if check != nil || err != nil {
			t.Errorf("%T: %t, %v", m, check != nil, err)
		}
		if err := validate.New().Check(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
}

// TestCreates checks that what the server assigns has no rules in a create.
func TestCreates(t *testing.T) {
	check := bind(t, &shelfv1.CreateBookRequest{})
	for text, violated := range map[string]string{
		`parent: "shelves/1" book: {title: "Dune" person: "ada"}`:                     "",
		`parent: "shelves/1" book: {name: "!" title: "Dune" person: "ada"}`:           "",
		`parent: "1" book: {person: "ada"}`:                                           "parent string.pattern, book.title string.min_len",
		`parent: "shelves/1" book: {title: "Dune" person: "ada" first_page: 1}`:       "book book.pages",
		`parent: "shelves/1" book: {title: "Dune" person: "ada" sequel: {name: "!"}}`: "book.sequel.title string.min_len, book.sequel.owner required",
	} {
		want(t, check, parse(t, &shelfv1.CreateBookRequest{}, text), violated)
	}
}

// TestUpdates checks that of a resource in an update, what the mask names is checked.
func TestUpdates(t *testing.T) {
	check := bind(t, &shelfv1.UpdateBookRequest{})
	for text, violated := range map[string]string{
		`book: {` + good + `}`: "",
		`book: {name: "books/dune"} update_mask: {paths: "tags"}`:                                       "",
		`book: {name: "books/dune"} update_mask: {paths: "title"}`:                                      "book.title string.min_len",
		`book: {name: "!"} update_mask: {paths: "tags"}`:                                                "book.name string.pattern",
		`book: {name: "books/dune" tags: ""} update_mask: {paths: "tags"}`:                              "book.tags[0] string.min_len",
		`book: {name: "books/dune" tags: ""} update_mask: {paths: "title"}`:                             "book.title string.min_len",
		`book: {name: "books/dune"} update_mask: {paths: "person"}`:                                     "book.owner required",
		`book: {name: "books/dune" library: "ox"} update_mask: {paths: "library"}`:                      "book.library string.min_len",
		`book: {name: "books/dune" first_page: 2} update_mask: {paths: "first_page"}`:                   "", // the rule is over two fields
		`book: {name: "books/dune" editors: {}} update_mask: {paths: "editors.*.family_name"}`:          "book.editors[0].family_name string.min_len",
		`book: {name: "books/dune" sequel: {}} update_mask: {paths: "sequel.title"}`:                    "book.sequel.title string.min_len",
		`book: {name: "books/dune"} update_mask: {paths: "sequel.title"}`:                               "book.sequel.title string.min_len",
		`book: {name: "books/dune"} update_mask: {paths: "*"}`:                                          "book.title string.min_len, book.owner required",
		`book: {name: "books/dune"}`:                                                                    "book.title string.min_len, book.owner required",
		`book: {name: "books/dune" sequel: {` + good + `first_page: 2}} update_mask: {paths: "sequel"}`: "book.sequel book.pages",
	} {
		want(t, check, parse(t, &shelfv1.UpdateBookRequest{}, text), violated)
	}
	v := validate.New()
	merged := parse(t, &shelfv1.Book{}, good+`first_page: 2`)
	if got := violations(t, v.Check(t.Context(), merged)); got != " book.pages" {
		t.Errorf("after the update: %q", got)
	}
}
