package batch

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// SingleName returns the name of the RPC that does for one item what a batch does for many, or "".
// The batch may be nil.
func (b *Batch) SingleName() string {
	if b == nil || b.Single == nil {
		return ""
	}
	return string(b.Single.Name())
}

// WarnWeaker warns if a batch has a weaker policy than the RPC that does the same for one item.
func (b *Batch) WarnWeaker(s *model.Scope) {
	if b.SingleName() == "" {
		return
	}
	many, ok := s.Policy(s.Method().Desc)
	single, okToo := s.Policy(b.Single)
	if !ok || !okToo || many.Batch.OwnPolicy {
		return
	}
	if ways := policy.Weaker(many, single); len(ways) > 0 {
		s.Warn("its policy is weaker than that of %s, the method for a single item: %s; give it the rules of %s, or set the option batch: {own_policy: true}",
			b.Single.Name(), strings.Join(ways, "; "), b.Single.Name())
	}
}

// singleOf returns the method that does for one item what a batch does for all, if it takes the
// item and returns the result.
func (b *Batch) singleOf(s *model.Scope, stub Stub) string {
	single := s.Sibling(b.Single)
	if single == nil || single.Desc.IsStreamingClient() || single.Desc.IsStreamingServer() {
		return ""
	}
	if !isPointerTo(stub.Child, single.Input.GoIdent) || !isPointerTo(stub.Result, single.Output.GoIdent) {
		return ""
	}
	return single.GoName
}

func isPointerTo(t view.Type, message protogen.GoIdent) bool {
	return t.Text == "*" && t.Ident != nil && t.Ident.Name == message.GoName && t.Ident.Path == string(message.GoImportPath)
}
