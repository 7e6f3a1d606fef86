// Package upload is the pattern of a method that receives files as streams of chunks.
package upload

import (
	"reflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Name is the name of the pattern.
const Name = "upload"

// Pattern returns the table row of the pattern.
func Pattern() pattern.Pattern {
	return pattern.Pattern{
		Name: Name, Option: Name, Is: "an upload", What: "file upload", Docs: "uploads.md",
		Kinds: pattern.ClientStream, Detect: detect,
		Parts:     []string{"data", "header", "name", "number", "offset", "size", "checksum", "finish"},
		Shown:     "upload.data, and upload.header or upload.name",
		Package:   pattern.Package{Name: "upload", Path: "github.com/grpcservice/grpcservice/runtime/upload"},
		Arguments: reflect.TypeFor[Arguments](), Stub: reflect.TypeFor[StubMethod](),
	}
}

// Upload contains the fields of an upload, all in the request. Data is always set, and so is at
// least one of Header and Name.
type Upload struct {
	Header         shape.Path // a message in a oneof, or empty
	Name           shape.Path // a string
	Data           shape.Path // bytes
	Number, Offset shape.Path // integers
	Size           shape.Path // an integer
	Checksum       shape.Path // a string, bytes or a 32-bit integer
	Finish         shape.Path // a bool
}

// Fields implements [pattern.Found].
func (u *Upload) Fields() map[string]any {
	return pattern.Fields(map[string]shape.Path{
		"header": u.Header, "name": u.Name, "data": u.Data, "number": u.Number, "offset": u.Offset,
		"size": u.Size, "checksum": u.Checksum, "finish": u.Finish,
	})
}

// Limits implements [pattern.Found].
func (u *Upload) Limits(has *policy.Patterns) { has.Add(Name) }
