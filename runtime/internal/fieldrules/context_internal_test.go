package fieldrules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// googleProto has options by the numbers of those of google.api.
const googleProto = `syntax = "proto3";
package g;
import "google/protobuf/descriptor.proto";
enum Is { UNSPECIFIED = 0; OPTIONAL = 1; REQUIRED = 2; OUTPUT_ONLY = 3; IMMUTABLE = 5; IDENTIFIER = 8; }
message Resource { string type = 1; string name_field = 3; }
message Info { int32 format = 1; }
extend google.protobuf.FieldOptions { repeated Is is = 1052; Info info = 291403980; }
extend google.protobuf.MessageOptions { Resource resource = 1053; }
`

const libraryProto = `syntax = "proto3";
package t;
import "g.proto";
import "google/protobuf/field_mask.proto";
message Book {
  option (g.resource).type = "library/Book";
  string name = 1 [(g.is) = REQUIRED];
  string title = 2 [(g.is) = REQUIRED, (g.is) = IMMUTABLE];
  string author = 3;
  Publisher publisher = 4;
  repeated Chapter chapters = 5;
  map<string, Chapter> notes = 6;
  string ip = 7 [(g.info).format = 2];
  string etag = 8 [(g.is) = REQUIRED];
  Stats stats = 9 [(g.is) = OUTPUT_ONLY];
  string created = 10 [(g.is) = OUTPUT_ONLY, (g.is) = REQUIRED];
  oneof cover { string image = 11 [(g.is) = REQUIRED]; Paint paint = 12; }
  Book sequel = 13;
}
message Paint { string color = 1 [(g.is) = REQUIRED]; }
message Stats { string views = 1 [(g.is) = REQUIRED]; string ip = 2 [(g.info).format = 2]; }
message Publisher { string name = 1 [(g.is) = REQUIRED]; string city = 2; string ip = 3 [(g.info).format = 2]; }
message Chapter { string uid = 1 [(g.is) = IDENTIFIER, (g.is) = REQUIRED]; string text = 2 [(g.is) = REQUIRED]; string more = 3; }

message CreateBookRequest { string parent = 1 [(g.is) = REQUIRED]; Book book = 2 [(g.is) = REQUIRED]; bool validate_only = 3; string request_id = 4; }
message UpdateBookRequest {
  Book book = 1 [(g.is) = REQUIRED]; google.protobuf.FieldMask update_mask = 2; bool allow_missing = 3; bool validate_only = 4;
}
message ReplaceBookRequest { Book book = 1; }
message UpdateShelfRequest { Book shelf = 1; google.protobuf.FieldMask field_mask = 2 [(g.is) = REQUIRED]; Publisher other = 3; }
message BatchUpdateBooksRequest { repeated UpdateBookRequest requests = 1; google.protobuf.FieldMask update_mask = 2; bool allow_missing = 3; }
message BulkUpdateBooksRequest { repeated Book books = 1; google.protobuf.FieldMask update_mask = 2; }
message BatchCreateBooksRequest { string parent = 1; repeated CreateBookRequest requests = 2; string request_id = 3; }
message Plain { string name = 1 [(g.is) = REQUIRED]; string text = 2; }
message CreatePlainRequest { Plain plain = 1; }
message ListBooksRequest { string parent = 1 [(g.is) = REQUIRED]; string page_token = 2; }
message Numbers {
  int32 count = 1 [(g.is) = REQUIRED]; optional int32 known = 2 [(g.is) = REQUIRED];
  bool on = 3 [(g.is) = REQUIRED]; optional bool said = 4 [(g.is) = REQUIRED];
}
message Upload { string name = 1 [(g.is) = REQUIRED]; bytes chunk = 2; }
message Parts { oneof part { Header header = 1 [(g.is) = REQUIRED]; bytes chunk = 2; } }
message Header { string name = 1 [(g.is) = REQUIRED]; }
message Line { string text = 1 [(g.is) = REQUIRED]; }
`

// library compiles protos of a library.
func library(t testing.TB) func(message string) protoreflect.MessageDescriptor {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"g.proto": googleProto, "t.proto": libraryProto}),
	})}
	files, err := compiler.Compile(context.Background(), "t.proto")
	if err != nil {
		t.Fatal(err)
	}
	return func(message string) protoreflect.MessageDescriptor {
		desc := files[0].Messages().ByName(protoreflect.Name(message))
		if desc == nil {
			t.Fatalf("no message %s", message)
		}
		return desc
	}
}

func fromText(t testing.TB, desc protoreflect.MessageDescriptor, text string) proto.Message {
	t.Helper()
	m := dynamicpb.NewMessage(desc)
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}

// TestRequiredInItsContext is the table of docs/validation.md: what REQUIRED means where.
func TestRequiredInItsContext(t *testing.T) {
	messageOf := library(t)
	const whole = `name: "b" etag: "e" title: "t" image: "i"`
	for _, c := range []struct {
		message, text string
		want          string // the fields in the violations
	}{
		// An update mask names what is judged (AIP-203).
		{"UpdateBookRequest", `book {name: "b" etag: "e" author: "A"} update_mask {paths: "author"}`, ""},
		{"UpdateBookRequest", `book {name: "b" etag: "e"} update_mask {paths: "title"}`, "book.title"},
		{"UpdateBookRequest", `book {name: "b" etag: "e"} update_mask {paths: "author" paths: "title" paths: "image"}`, "book.title book.cover"},
		{"UpdateBookRequest", `update_mask {paths: "author"}`, "book"},
		// The name and the etag say what is updated, whatever the mask names (AIP-134).
		{"UpdateBookRequest", `book {author: "A"} update_mask {paths: "author"}`, "book.name book.etag"},
		// Without a mask, with an empty one, and with "*" it is the whole resource.
		{"UpdateBookRequest", `book {name: "b" etag: "e" author: "A"}`, "book.title book.cover"},
		{"UpdateBookRequest", `book {name: "b" etag: "e" author: "A"} update_mask {}`, "book.title book.cover"},
		{"UpdateBookRequest", `book {name: "b" etag: "e" author: "A"} update_mask {paths: "*"}`, "book.title book.cover"},
		{"UpdateBookRequest", `book {` + whole + `} update_mask {paths: "*"}`, ""},
		{"ReplaceBookRequest", `book {author: "A"}`, "book.name book.title book.etag book.cover"},
		// Nested paths.
		{"UpdateBookRequest", `book {name: "b" etag: "e" publisher {city: "C"}} update_mask {paths: "publisher.city"}`, ""},
		{"UpdateBookRequest", `book {name: "b" etag: "e" publisher {city: "C"}} update_mask {paths: "publisher"}`, "book.publisher.name"},
		{"UpdateBookRequest", `book {name: "b" etag: "e" publisher {city: "C"}} update_mask {paths: "publisher.*"}`, "book.publisher.name"},
		{"UpdateBookRequest", `book {name: "b" etag: "e"} update_mask {paths: "publisher.name"}`, "book.publisher.name"},
		{"UpdateBookRequest", `book {name: "b" etag: "e"} update_mask {paths: "publisher"}`, ""},
		{"UpdateBookRequest", `book {name: "b" etag: "e" sequel {publisher {}}} update_mask {paths: "sequel.publisher.name" paths: "sequel.author"}`, "book.sequel.publisher.name"},
		{"UpdateBookRequest", `book {name: "b" etag: "e" paint {}} update_mask {paths: "paint.color"}`, "book.paint.color"},
		{"UpdateBookRequest", `book {name: "b" etag: "e" image: "i"} update_mask {paths: "paint.color"}`, ""},
		// Lists and maps, with wildcards (AIP-161).
		{"UpdateBookRequest", `book {name: "b" etag: "e" chapters {uid: "1" more: "m"}} update_mask {paths: "chapters.*.more"}`, ""},
		{"UpdateBookRequest", `book {name: "b" etag: "e" chapters {more: "m"}} update_mask {paths: "chapters.*.text"}`, "book.chapters[0].text"},
		{"UpdateBookRequest", `book {name: "b" etag: "e" chapters {uid: "1"}} update_mask {paths: "chapters"}`, "book.chapters[0].text"},
		{"UpdateBookRequest", `book {name: "b" etag: "e" notes {key: "a" value {uid: "1"}} notes {key: "b" value {}}} update_mask {paths: "notes.a"}`, `book.notes["a"].text`},
		{"UpdateBookRequest", "book {name: \"b\" etag: \"e\" notes {key: \"a b\" value {}} notes {key: \"c.d\" value {}}} update_mask {paths: \"notes.`c.d`.text\"}", `book.notes["c.d"].text`},
		{"UpdateBookRequest", `book {name: "b" etag: "e" notes {key: "a" value {text: "t"}}} update_mask {paths: "notes.*.text" paths: "notes.gone"}`, ""},
		// What is not named is ignored, so its format is too.
		{"UpdateBookRequest", `book {name: "b" etag: "e" ip: "?" publisher {ip: "?"}} update_mask {paths: "author" paths: "publisher.city"}`, ""},
		{"UpdateBookRequest", `book {name: "b" etag: "e" ip: "?" publisher {ip: "?"}} update_mask {paths: "ip" paths: "publisher.ip"}`, "book.ip book.publisher.ip"},
		// An upsert may create, and needs all that a create needs (AIP-134); a dry run is judged as
		// the call (AIP-163).
		{"UpdateBookRequest", `book {name: "b" etag: "e"} update_mask {paths: "author"} allow_missing: true`, "book.title book.cover"},
		{"UpdateBookRequest", `book {name: "b" etag: "e"} update_mask {paths: "author"} validate_only: true`, ""},
		{"CreateBookRequest", `validate_only: true`, "parent book"},
		// A mask that is required must name something; older APIs have other names for it.
		{"UpdateShelfRequest", `shelf {name: "b" etag: "e"} field_mask {paths: "author"}`, ""},
		{"UpdateShelfRequest", `shelf {` + whole + `} field_mask {}`, "field_mask"},
		{"UpdateShelfRequest", `shelf {name: "b" etag: "e"} field_mask {paths: "author"} other {}`, "other.name"},
		// Batches of updates: a mask for each, or one for all.
		{"BatchUpdateBooksRequest", `requests {book {name: "b" etag: "e"} update_mask {paths: "author"}} requests {book {name: "b" etag: "e"} update_mask {paths: "title"}}`, "requests[1].book.title"},
		{"BatchUpdateBooksRequest", `requests {book {name: "b" etag: "e"}} requests {book {name: "b" etag: "e"} update_mask {paths: "title"}} update_mask {paths: "author"}`, "requests[1].book.title"},
		{"BatchUpdateBooksRequest", `requests {book {name: "b" etag: "e"}} update_mask {paths: "author"} allow_missing: true`, "requests[0].book.title requests[0].book.cover"},
		{"BatchUpdateBooksRequest", `requests {book {name: "b" etag: "e"}}`, "requests[0].book.title requests[0].book.cover"},
		{"BulkUpdateBooksRequest", `books {name: "b" etag: "e"} books {name: "b"} update_mask {paths: "author"}`, "books[1].etag"},
		// A create ignores the name and the etag (AIP-133), which the server assigns, and all
		// identifiers.
		{"CreateBookRequest", `parent: "p" book {title: "t" image: "i"}`, ""},
		{"CreateBookRequest", `parent: "p" book {chapters {text: "x"} chapters {}}`, "book.title book.cover book.chapters[1].text"},
		{"CreatePlainRequest", `plain {}`, "plain.name"},
		// A batch may set a field for all of its child requests (AIP-233), but not to a wildcard.
		{"BatchCreateBooksRequest", `parent: "p" requests {book {title: "t" image: "i"}}`, ""},
		{"BatchCreateBooksRequest", `requests {book {title: "t" image: "i"}}`, "requests[0].parent"},
		{"BatchCreateBooksRequest", `parent: "shops/-" requests {book {title: "t" image: "i"}}`, "requests[0].parent"},
		// Output only fields are ignored, with all that is in them, whether they are set or not.
		{"ReplaceBookRequest", `book {` + whole + ` stats {ip: "?"}}`, ""},
		// Of a oneof any member will do.
		{"ReplaceBookRequest", `book {name: "b" etag: "e" title: "t" paint {color: "c"}}`, ""},
		{"ReplaceBookRequest", `book {name: "b" etag: "e" title: "t" paint {}}`, "book.paint.color"},
		// Zero is unset, unless the field has presence (AIP-203).
		{"Numbers", `known: 0 said: false`, "count on"},
		{"Numbers", `count: 1 on: true`, "known said"},
		// The next page is asked for with the same fields as the first (AIP-158).
		{"ListBooksRequest", `page_token: "t"`, "parent"},
	} {
		desc := messageOf(c.message)
		err := firstCheck(desc)(context.Background(), fromText(t, desc, c.text))
		if got := strings.Join(violatedFields(t, err), " "); got != c.want {
			t.Errorf("%s {%s}:\n got %s\nwant %s", c.message, c.text, got, c.want)
		}
	}
}

// TestRequiredInStreams holds what the messages of a stream after the first need not repeat.
func TestRequiredInStreams(t *testing.T) {
	messageOf := library(t)
	for _, c := range []struct{ message, text, first, later string }{
		{"Upload", `chunk: "\x00"`, "name", ""}, // chunks belong to the name that came first
		{"Upload", `name: "n"`, "", ""},
		{"Parts", `chunk: "\x00"`, "", ""},
		{"Parts", `header {}`, "header.name", "header.name"},
		{"Parts", ``, "part", "part"},
		{"Line", ``, "text", "text"}, // each is for itself
	} {
		desc := messageOf(c.message)
		first, later := Checks(desc)
		for want, check := range map[*string]Check{&c.first: first, &c.later: later} {
			err := check(context.Background(), fromText(t, desc, c.text))
			if got := strings.Join(violatedFields(t, err), " "); got != *want {
				t.Errorf("%s %s: got %q, want %q", c.message, c.text, got, *want)
			}
		}
	}
}

// TestRequiredTexts checks that a violation says what to do.
func TestRequiredTexts(t *testing.T) {
	messageOf := library(t)
	for message, want := range map[string]string{
		`UpdateBookRequest book {name: "b" etag: "e" image: "i"}`:                          "book.title: it is required unless the update mask names only other fields",
		`UpdateBookRequest book {name: "b" etag: "e"} update_mask {paths: "title"}`:        "book.title: it is required",
		`UpdateBookRequest book {etag: "e" image: "i" title: "t"}`:                         "book.name: it is required",
		`UpdateBookRequest book {name: "b" etag: "e" title: "t"} update_mask {paths: "*"}`: "book.cover: one of image, paint is required",
		`UpdateBookRequest book {name: "b" etag: "e" image: "i"} allow_missing: true`:      "book.title: it is required",
		`Numbers on: true known: 1 said: true`:                                             "count: it is required; 0 is the same as unset",
		`Numbers count: 1 known: 1 said: true`:                                             "on: it is required; false is the same as unset",
	} {
		name, text, _ := strings.Cut(message, " ")
		err := firstCheck(messageOf(name))(context.Background(), fromText(t, messageOf(name), text))
		if err == nil || !strings.HasSuffix(err.Error(), "invalid request: "+want) {
			t.Errorf("%s: %v, want %q", message, err, want)
		}
	}
}

// TestMaskCostsWhatItWeighs checks that large masks are read in memory of their size, and that the
// work with them is no product of mask and message.
func TestMaskCostsWhatItWeighs(t *testing.T) {
	desc := library(t)("UpdateBookRequest")
	req := dynamicpb.NewMessage(desc)
	mask := req.Mutable(desc.Fields().ByName("update_mask")).Message()
	paths := mask.Mutable(mask.Descriptor().Fields().ByName("paths")).List()
	const n = 100_000
	for i := range n {
		paths.Append(protoreflect.ValueOfString(fmt.Sprintf("notes.k%d.text", i)))
	}
	book := req.Mutable(desc.Fields().ByName("book")).Message()
	for _, name := range []protoreflect.Name{"name", "etag"} {
		book.Set(book.Descriptor().Fields().ByName(name), protoreflect.ValueOfString("x"))
	}
	notes := book.Mutable(book.Descriptor().Fields().ByName("notes")).Map()
	for i := range n {
		note := notes.NewValue()
		if i%2 == 0 {
			note.Message().Set(note.Message().Descriptor().Fields().ByName("text"), protoreflect.ValueOfString("x"))
		}
		notes.Set(protoreflect.ValueOfString(fmt.Sprintf("k%d", 2*i)).MapKey(), note)
	}
	var err error
	if got := allocatedBy(func() { err = firstCheck(desc)(context.Background(), req) }); got > 100*n {
		t.Errorf("the check allocates %d bytes for %d paths", got, n)
	}
	fields := violatedFields(t, err)
	if len(fields) != maxViolations || !strings.HasPrefix(fields[0], "book.notes[") {
		t.Errorf("violations: %q", fields)
	}
}

func TestMaskParts(t *testing.T) {
	desc := library(t)("UpdateBookRequest")
	read := func(paths ...string) maskPart {
		mask := dynamicpb.NewMessage(desc.Fields().ByName("update_mask").Message())
		list := mask.Mutable(mask.Descriptor().Fields().ByName("paths")).List()
		for _, path := range paths {
			list.Append(protoreflect.ValueOfString(path))
		}
		part, _ := readMask(mask)
		return part
	}
	mask := read("a.b", "a-b", "ab.c", "a.c.d", "b", "", ".", "a..x", "c.*", "d.*.x", "a!b", "a.c.e")
	for name, want := range map[string]coverage{
		"a": coversPart, "ab": coversPart, "b": coversAll, "c": coversAll, "d": coversPart, "e": coversNothing, "a-": coversNothing, "A": coversNothing,
	} {
		if _, got := mask.of(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	a, _ := mask.of("a")
	var got []string
	for _, path := range a.paths {
		got = append(got, path[a.at:])
	}
	if want := []string{".x", "b", "c.d", "c.e"}; !slices.Equal(got, want) {
		t.Errorf("below a there are %q, want %q", got, want)
	}
	if c, covers := a.of("c"); covers != coversPart || !c.has("d") || !c.has("e") || c.has("x") {
		t.Errorf("below a.c there are %q", c.paths)
	}
	if !read("x", "*").all() || read("x").all() {
		t.Error("a mask with * does not name everything, or one without does")
	}
}
