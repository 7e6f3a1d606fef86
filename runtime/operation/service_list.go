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

// listOperations pages ListOperations on the server and the client.
var listOperations = page.Of(operationsTable.Method("ListOperations"), Client.List, (*longrunningpb.ListOperationsResponse).GetOperations, page.Fields{
	Items: "operations", Size: "page_size", Token: "page_token", NextToken: "next_page_token",
})

// operationFilters is the schema of ListOperations' filters.
var operationFilters = sync.OnceValue(func() *filter.Schema {
	return filter.For((*longrunningpb.Operation)(nil).ProtoReflect().Descriptor())
})

// All yields the operations of all pages of a list. Package page has the options. The filter is
// in the language of AIP-160: "done = false", `metadata.target = "shelves/1"`.
func All(ctx context.Context, client Client, req *longrunningpb.ListOperationsRequest, opts ...page.ReadOption) iter.Seq2[*longrunningpb.Operation, error] {
	return listOperations.All(ctx, client, req, opts...)
}

// ListOperations returns the caller's operations in the order of their names: those of the
// request's parent, or all.
func (s *operationsServer) ListOperations(ctx context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	if req.GetReturnPartialSuccess() {
		return nil, rpcerr.ReasonUnimplemented.
			Errorf(codes.Unimplemented, "return_partial_success: all operations are in one collection; omit the field").
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

// Limits for one page: the number of records read at a time if not all match its filter or belong
// to the caller, and the maximum number and size of the records read. At these limits a page has
// fewer operations than requested.
const (
	recordsPerLook = 100
	recordsPerPage = 5000
	bytesPerPage   = 64 << 20
)

// find returns up to limit operations that match a filter and fit into a response, and the name
// to continue after, or "" if there are no more.
func (s *operationsServer) find(ctx context.Context, q Query, wanted *filter.Filter, limit int) (found []*longrunningpb.Operation, next string, err error) {
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

// pageOverhead is the maximum size of a page without its operations: the token.
const pageOverhead = 4 << 10

// sizeInList returns the size of an operation in a response, in bytes.
func sizeInList(op *longrunningpb.Operation) int {
	return protowire.SizeTag(1) + protowire.SizeBytes(proto.Size(op))
}

// doneIn returns the value that a filter requires of done, so that the store can skip other
// operations, or nil if it is not obvious.
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
