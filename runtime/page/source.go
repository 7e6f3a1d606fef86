package page

import (
	"context"
	"errors"
)

// Source provides the items of a list: [Keyset], [Offset], [Slice], [Cursor] or [Filtered].
type Source[T any] interface {
	// page returns the items of a query.
	page(ctx context.Context, q query) (result[T], error)
	// cut returns a page of the first n items that page found for a query; n is at least 1 and
	// less than all.
	cut(ctx context.Context, q query, found result[T], n int) (result[T], error)
}

// query is the page that a request asks for.
type query struct {
	at   position // nil on the first page
	size int      // how many items, at least 1
	skip int64    // how many to skip before them
	most int      // maximum number of items per read
	// counted means that there is no token to hold a position: skip does.
	counted bool
	codecs  *codecs
}

// result is a page.
type result[T any] struct {
	items []T
	next  position // nil after the last page
	total int64    // of all pages; below 0 if the source does not know

	// Of [Filtered]: all items that were read, and the index of each of items in them.
	read []T
	at   []int
}

// position is the start of a page as a token holds it: a byte for the kind of source, then the
// source's own encoding.
type position []byte

// Kinds of positions. Clients hold tokens with them.
const (
	atKey    = 'k'
	atOffset = 'o'
	atCursor = 'c'
)

// of returns the encoding of a source of the kind.
func (p position) of(kind byte) ([]byte, error) {
	if len(p) == 0 || p[0] != kind {
		return nil, errPosition
	}
	return p[1:], nil
}

// needsToken returns an error if the list has no tokens, which the source requires.
func (q query) needsToken() error {
	if q.counted {
		return errors.New("this source requires page tokens; use Offset or Slice for a list without tokens")
	}
	return nil
}

// MaxSkip is the maximum number of items that [Keyset] and [Cursor] skip, because they must read
// them. A request that skips more is INVALID_ARGUMENT, reason [ReasonSkipInvalid], unless the
// list ends before.
const MaxSkip = 10_000

// maxSkipReads is the maximum number of reads for skipped items, if policies have small pages or
// a cursor returns empty ones.
const maxSkipReads = 100

// errTooFar is the error of a request that skips too many items.
var errTooFar = errors.New("the request skips too many items")

// skipped counts the items read to be skipped.
type skipped struct {
	items int64
	reads int
}

func (s *skipped) add(items int) { s.items, s.reads = s.items+int64(items), s.reads+1 }

// enough returns an error if no more items may be read.
func (s *skipped) enough() error {
	if s.items >= MaxSkip || s.reads >= maxSkipReads {
		return errTooFar
	}
	return nil
}
