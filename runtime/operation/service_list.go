package operation

import (
	"context"
	"iter"
	"strings"
	"sync"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/filter"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// listOperations serves ListOperations a page at a time, and reads all its pages.
var listOperations = page.Of(operationsTable.Method("ListOperations"), Client.List, (*longrunningpb.ListOperationsResponse).GetOperations, page.Fields{
	Items: "operations", Size: "page_size", Token: "page_token", NextToken: "next_page_token",
})

// operationFilters are the filters of ListOperations.
var operationFilters = sync.OnceValue(func() *filter.Schema {
	return filter.For((*longrunningpb.Operation)(nil).ProtoReflect().Descriptor())
})

// All yields the operations of all pages of a list, of those that req asks for; see package page for the options. The filter is
// in the language of AIP-160: "done = false", `metadata.target = "shelves/1"`.
func All(ctx context.Context, client Client, req *longrunningpb.ListOperationsRequest, opts ...page.ReadOption) iter.Seq2[*longrunningpb.Operation, error] {
	return listOperations.All(ctx, client, req, opts...)
}

// ListOperations returns the caller's operations in the order of their names: of the parent that the request names, or all.
func (s *service) ListOperations(ctx context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	if req.GetReturnPartialSuccess() {
		return nil, rpcerr.ReasonUnimplemented.
			Errorf(codes.Unimplemented, "return_partial_success: all operations are in one collection; leave the field out").
			WithViolations(rpcerr.Violation("return_partial_success", "is not supported"))
	}
	wanted, err := operationFilters().Parse("filter", req.GetFilter())
	if err != nil {
		return nil, err
	}
	q := Query{Done: doneIn(wanted.Expr())}
	if parent := strings.TrimSuffix(req.GetName(), "/"); parent != "" {
		q.Prefix = parent + "/"
	}
	return listOperations.Serve(ctx, req, page.Cursor(func(ctx context.Context, after string, limit int) ([]*longrunningpb.Operation, string, error) {
		q.After = after
		return s.find(ctx, q, wanted, limit)
	}), page.WithMaxBytes(s.manager.config.maxMessage+pageOverhead))
}

// A page takes records that many at a time where not all of them match its filter or are for its caller, and looks at so many,
// and at so many bytes of them, at most: it has fewer operations then than it could have.
const (
	recordsPerLook = 100
	recordsPerPage = 5000
	bytesPerPage   = 64 << 20
)

// find returns up to limit operations that match a filter, of no more bytes than may be sent, and the name to go on after; empty
// where there are no more.
func (s *service) find(ctx context.Context, q Query, wanted *filter.Filter, limit int) (found []*longrunningpb.Operation, next string, err error) {
	room := s.manager.config.maxMessage
	for looked, bytes := 0, 0; looked < recordsPerPage && bytes < bytesPerPage; looked += q.Limit {
		q.Limit = limit - len(found)
		if wanted.Expr() != nil || s.manager.config.authorize != nil {
			q.Limit = max(q.Limit, recordsPerLook)
		}
		records, next, err := s.manager.List(ctx, q)
		if err != nil {
			return nil, "", err
		}
		for i, record := range records {
			bytes += record.Bytes()
			op, err := answer(record, nil)
			if err != nil {
				return nil, "", err
			}
			if ok, err := wanted.Match(ctx, op); err != nil {
				return nil, "", err
			} else if !ok {
				continue
			}
			if room -= sizeInList(op); room < 0 && len(found) > 0 {
				return found, q.After, nil
			}
			found, q.After = append(found, op), record.Name
			if len(found) == limit && (i < len(records)-1 || next != "") {
				return found, record.Name, nil
			}
		}
		if next == "" {
			return found, "", nil
		}
		q.After = next
	}
	return found, q.After, nil
}

// pageOverhead is what a page may have besides its operations: the token.
const pageOverhead = 4 << 10

// sizeInList returns how many bytes an operation takes of a response.
func sizeInList(op *longrunningpb.Operation) int {
	return protowire.SizeTag(1) + protowire.SizeBytes(proto.Size(op))
}

// doneIn returns what a filter says of done, so that the store need not return the others; nil where that is not plain to see.
func doneIn(expr filter.Expr) *bool {
	switch e := expr.(type) {
	case *filter.And:
		for _, operand := range e.Operands {
			if done := doneIn(operand); done != nil {
				return done
			}
		}
	case *filter.Restriction:
		done, ok := e.Value.(bool)
		if ok && e.Field != nil && e.Field.FullName() == "google.longrunning.Operation.done" && (e.Op == filter.Equals || e.Op == filter.Has) {
			return &done
		}
	}
	return nil
}
