package operation

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/filter"
	"github.com/grpcservice/grpcservice/runtime/page"
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
// request's parent, or all. With return_partial_success, the response names what cannot be read;
// without it, the call then fails.
func (s *operationsServer) ListOperations(ctx context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	wanted, err := operationFilters().Parse("filter", req.GetFilter())
	if err != nil {
		return nil, err
	}
	l := listing{operationsServer: s, wanted: wanted, query: Query{Done: doneIn(wanted.Expr())}}
	if req.GetReturnPartialSuccess() {
		l.unreachable = make(map[string]bool)
	}
	if parent := strings.TrimSuffix(req.GetName(), "/"); parent != "" {
		l.query.Prefix = parent + "/"
	}
	resp, err := listOperations.Serve(ctx, req, page.Cursor(l.find), page.WithMaxBytes(s.manager.config.maxMessage+pageOverhead))
	if err == nil {
		resp.Unreachable = slices.Sorted(maps.Keys(l.unreachable))
	}
	return resp, err
}

// listing is one call of ListOperations.
type listing struct {
	*operationsServer
	wanted      *filter.Filter
	query       Query
	unreachable map[string]bool // names of what could not be read; nil if the call then fails
}

// tolerate reports whether the listing goes on although parts of the store cannot be read.
func (l *listing) tolerate(ctx context.Context, err error) bool {
	partial := (*PartialError)(nil)
	if l.unreachable == nil || !errors.As(err, &partial) {
		return false
	}
	for _, name := range partial.Unreachable {
		l.unreachable[name] = true
	}
	l.warn(ctx, err)
	return true
}

// skip reports whether the listing goes on without an operation that cannot be read.
func (l *listing) skip(ctx context.Context, name string, err error) bool {
	if l.unreachable == nil {
		return false
	}
	l.unreachable[name] = true
	l.warn(ctx, err)
	return true
}

func (l *listing) warn(ctx context.Context, err error) {
	l.manager.config.logger.LogAttrs(ctx, slog.LevelWarn, "a list of operations is incomplete", slog.Any("error", err))
}

// Limits for one page: the number of records read at a time if not all match its filter or belong
// to the caller, and the maximum number and size of the records read. At these limits a page has
// fewer operations than requested.
const (
	recordsPerLook = 100
	recordsPerPage = 5000
	bytesPerPage   = 64 << 20
)

// find returns up to limit operations after a name that match the filter and fit into a response,
// and the name to continue after, or "" if there are no more.
func (l *listing) find(ctx context.Context, after string, limit int) (found []*longrunningpb.Operation, next string, err error) {
	q, room := l.query, l.manager.config.maxMessage
	q.After = after
	for looked, bytes := 0, 0; looked < recordsPerPage && bytes < bytesPerPage; looked += q.Limit {
		q.Limit = limit - len(found)
		if l.wanted.Expr() != nil || l.manager.config.authorize != nil {
			q.Limit = max(q.Limit, recordsPerLook)
		}
		records, next, err := l.manager.List(ctx, q)
		if err != nil && !l.tolerate(ctx, err) {
			return nil, "", err
		}
		for i, record := range records {
			bytes += record.Bytes()
			op, err := answer(record, nil)
			if err != nil {
				if room -= len(record.Name) + pageItemOverhead; !l.skip(ctx, record.Name, err) {
					return nil, "", err
				}
				continue
			}
			if ok, err := l.wanted.Match(ctx, op); err != nil {
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

// pageItemOverhead is the maximum size of a name in a response without its text: its length.
const pageItemOverhead = 8

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
