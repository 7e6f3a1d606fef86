package skeleton

import (
	"fmt"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// runtimePath is the import path of the runtime, which declares the type of streams.
const runtimePath = "github.com/grpcservice/grpcservice/runtime"

var (
	contextIdent = golang.Ident{Name: "Context", Package: "context", Path: "context"}
	streamIdent  = golang.Ident{Name: "Stream", Package: "runtime", Path: runtimePath}
	seqIdent     = golang.Ident{Name: "Seq2", Package: "iter", Path: "iter"}
)

// Signature spells a method without its receiver: GetBook(ctx context.Context, req
// *libraryv1.GetBookRequest) (*libraryv1.Book, error). The parameters are ctx and req, or reqs for
// a stream.
func (m Method) Signature(f golang.Frame) string {
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

// head spells a method up to its opening brace.
func (m Method) head(f golang.Frame) string {
	return fmt.Sprintf("func (%s %s) %s", f.Receiver, f.Type, m.Signature(f))
}
