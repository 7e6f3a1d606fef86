package skeleton

import "fmt"

// runtimePath is the import path of the runtime, which has the type of streams.
const runtimePath = "github.com/grpcservice/grpcservice/runtime"

var (
	contextIdent = Ident{Name: "Context", Package: "context", Path: "context"}
	streamIdent  = Ident{Name: "Stream", Package: "runtime", Path: runtimePath}
	seqIdent     = Ident{Name: "Seq2", Package: "iter", Path: "iter"}
)

// Frame is what a piece of code needs to know of the file that it goes into.
type Frame struct {
	Receiver string // the name of a method's receiver, which is not used by the text for anything else
	Type     string // the type of the receiver: *BookService, or Books[K]
	New      bool   // whether this run makes the type, so that it has the fields that its Decl says

	ident func(Ident) string
	own   func(name string) string
}

// Ident spells an identifier of any package as this file has to: libraryv1.Book, or Book where it imports the package with a dot.
func (f Frame) Ident(id Ident) string { return f.ident(id) }

// Own spells a name that the user's package declares.
func (f Frame) Own(name string) string { return f.own(name) }

// Signature spells a method without its receiver: GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.Book, error).
// The parameters are ctx, and req or for a stream reqs.
func (f Frame) Signature(m Method) string {
	request := "req *" + f.Ident(m.Input)
	if m.StreamsRequests {
		request = fmt.Sprintf("reqs %s[%s]", f.Ident(streamIdent), f.Ident(m.Input))
	}
	response := fmt.Sprintf("(*%s, error)", f.Ident(m.Output))
	if m.StreamsResponses {
		response = fmt.Sprintf("%s[%s]", f.Ident(streamIdent), f.Ident(m.Output))
	}
	return fmt.Sprintf("%s(ctx %s, %s) %s", m.Name, f.Ident(contextIdent), request, response)
}

// method spells a method up to its body.
func (f Frame) method(m Method) string {
	return fmt.Sprintf("func (%s %s) %s", f.Receiver, f.Type, f.Signature(m))
}
