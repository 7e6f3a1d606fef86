package page

import (
	"errors"

	"google.golang.org/protobuf/proto"
)

// ReadOption configures [Method.All] and [Method.Pages].
type ReadOption func(*reading)

// reading holds the options of one range.
type reading struct {
	prefetch int
	ahead    int // bytes
	limit    int64
	pages    int
	token    string
	resumed  bool
}

// DefaultPrefetchBytes is the default size of prefetched pages at which [WithPrefetch] pauses.
const DefaultPrefetchBytes = 16 << 20

// WithPrefetch fetches up to n pages in advance in a goroutine, fewer if they have
// [DefaultPrefetchBytes] bytes. The goroutine has returned when the loop has.
func WithPrefetch(n int) ReadOption { return func(r *reading) { r.prefetch = n } }

// WithPrefetchBytes sets the size of prefetched pages at which [WithPrefetch] pauses, instead of
// [DefaultPrefetchBytes]. One more page may be in progress.
func WithPrefetchBytes(n int) ReadOption { return func(r *reading) { r.ahead = max(n, 1) } }

// WithLimit ends the loop after n items, without an error; 0 is no limit. [Method.Pages] yields
// whole pages and ends with the page that reaches n. The last request asks for no more items than
// needed.
func WithLimit(n int) ReadOption { return func(r *reading) { r.limit = int64(n) } }

// WithMaxPages guards against an unexpectedly large list: if a page follows the n-th, the loop
// ends with [ErrMorePages] instead. 0 is no limit.
func WithMaxPages(n int) ReadOption { return func(r *reading) { r.pages = n } }

// WithPageToken continues with the page of a token, such as the NextToken of the last [Page] that
// was used. The request's number of items to skip is ignored, because they were skipped before.
// An empty token is the first page.
func WithPageToken(token string) ReadOption {
	return func(r *reading) { r.token, r.resumed = token, true }
}

func newReading(opts []ReadOption) *reading {
	r := &reading{ahead: DefaultPrefetchBytes}
	for _, opt := range opts {
		opt(r)
	}
	return r
}

// Page is a page of a list as a client receives it.
type Page[T, Resp any] struct {
	// Items are the items; a page may have none although more follow.
	Items []T
	// NextToken is the token of the next page, for [WithPageToken]; "" on the last page.
	NextToken string
	// Total is the response's number of items on all pages: 0 if it has none.
	Total int64
	// Response is the whole response.
	Response *Resp
}

// Errors that end [Method.All] and [Method.Pages], in addition to the errors of calls.
var (
	// ErrTokenRepeated reports that the server returned the same page token twice, so its pages
	// would never end. It is returned after at most three times as many pages as there are
	// different ones.
	ErrTokenRepeated = errors.New("the server returned a page token for the second time")
	// ErrMorePages reports that there are more pages than [WithMaxPages] allows.
	ErrMorePages = errors.New("there are more pages")
)

// sizeOf returns the size of a page in bytes.
func sizeOf[T, Resp any](page *Page[T, Resp]) int {
	if page == nil {
		return 0
	}
	return proto.Size(any(page.Response).(proto.Message))
}
