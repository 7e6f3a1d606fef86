package validate_test

import (
	"context"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	shelfv1 "github.com/grpcservice/grpcservice/runtime/validate/internal/gen/shelf/v1"
)

// FuzzAgreesWithProtovalidate compares verdicts on messages of all kinds with those of
// protovalidate, which evaluates a message and all in it at once.
func FuzzAgreesWithProtovalidate(f *testing.F) {
	for _, text := range []string{
		"", good, good + `authors: {key: "de" value: {}} editors: {}`, good + `sequel: {` + good + `sequel: {` + good + `first_page: 2}}`,
		good + `first_page: 2 last_page: 1 secret: {pin: "1" puk: "1" keys: {key: "a" value: {}}}`,
		good + `printer: {} readers: {} readers: {family_name: "x"} tags: "a" tags: "a" genre: 3 chapter: 7`,
		good + `published: {seconds: 9} created: {seconds: 1} paper: true cloth: true isbn: "1" extra: {type_url: "x"}`,
	} {
		data, err := proto.Marshal(parse(f, &shelfv1.Book{}, text))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	check := bind(f, &shelfv1.Book{})
	f.Fuzz(func(t *testing.T, data []byte) {
		book := &shelfv1.Book{}
		if proto.Unmarshal(data, book) != nil {
			t.Skip()
		}
		theirs := protovalidate.Validate(book, protovalidate.WithFilter(protovalidate.FilterFunc(isChecked)))
		ours := check(context.Background(), book)
		if code := status.Code(ours); (theirs == nil) != (ours == nil) || code != codes.OK && code != codes.InvalidArgument {
			t.Errorf("%v:\nours: %v\ntheirs: %v", book, ours, theirs)
		}
	})
}

// isChecked excludes the field that is OUTPUT_ONLY.
func isChecked(_ protoreflect.Message, desc protoreflect.Descriptor) bool {
	return desc.FullName() != "shelf.v1.Book.created"
}
