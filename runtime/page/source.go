package page

import (
	"context"
	"errors"
)

// Source is where the items of a list are from: [Keyset], [Offset], [Slice] or [Cursor].
type Source[T any] interface {
	// page returns the items that a query asks for.
	page(ctx context.Context, q query) (result[T], error)
	// cut returns a page of the first n of the items that page has found for a query; n is at least 1, and less than all.
	cut(ctx context.Context, q query, found result[T], n int) (result[T], error)
}

// query is what a request asks for.
type query struct {
	at   position // nil on the first page
	size int      // how many items, at least 1
	skip int64    // how many to leave out before them
	most int      // how many items may be asked for at a time
	// counted says that there is no token to hold a position: that is what skip says.
	counted bool
	codecs  *codecs
}

// result is a page.
type result[T any] struct {
	items []T
	next  position // nil after the last page
	total int64    // of all pages, where the source knows; else below 0
}

// position is where a page begins, as a token holds it: a byte that says of what kind of source it is, then what that wrote.
type position []byte

// Kinds of positions. They are in tokens that clients have.
const (
	atKey    = 'k'
	atOffset = 'o'
	atCursor = 'c'
)

// of returns what a source of the kind wrote.
func (p position) of(kind byte) ([]byte, error) {
	if len(p) == 0 || p[0] != kind {
		return nil, errPosition
	}
	return p[1:], nil
}

// errPosition is of a genuine token whose position the source does not understand: the service has changed since.
var errPosition = errors.New("the token is of an older version of the method, whose rows had another key")

// needsToken returns an error for a list without tokens, which the source cannot serve.
func (q query) needsToken() error {
	if q.counted {
		return errors.New("a list that is paged without tokens is served by Offset or Slice only")
	}
	return nil
}

// MaxSkip is how many items [Keyset] and [Cursor] read at most to leave them out, as they do not know where others begin. A request
// that skips more is INVALID_ARGUMENT, reason [ReasonSkipInvalid], unless the list ends before.
const MaxSkip = 10_000

// maxSkipReads is how often they ask for them, where policies have small pages or a cursor has empty ones.
const maxSkipReads = 100

// errTooFar is of a request that skips more than is read for it.
var errTooFar = errors.New("the request skips more items than are read for it")

// skipped counts what is read to be left out.
type skipped struct {
	items int64
	reads int
}

// add counts a read.
func (s *skipped) add(items int) { s.items, s.reads = s.items+int64(items), s.reads+1 }

// enough returns an error where no more may be read.
func (s *skipped) enough() error {
	if s.items >= MaxSkip || s.reads >= maxSkipReads {
		return errTooFar
	}
	return nil
}
