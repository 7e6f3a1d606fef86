package page

// ReadOption is an option of [Method.All] and [Method.Pages].
type ReadOption func(*reading)

// reading is what the options of one range add up to.
type reading struct {
	prefetch int
	ahead    int // bytes
	limit    int64
	pages    int
	token    string
	resumed  bool
}

// DefaultPrefetchBytes is how many bytes of pages [Prefetch] holds before it stops to fetch more.
const DefaultPrefetchBytes = 16 << 20

// Prefetch has up to n pages fetched in a goroutine while those before are used: fewer where they have [DefaultPrefetchBytes].
// The goroutine has ended when the loop has.
func WithPrefetch(n int) ReadOption { return func(r *reading) { r.prefetch = n } }

// PrefetchBytes sets how many bytes of pages [Prefetch] holds before it stops to fetch more, in place of [DefaultPrefetchBytes].
// One page more may be on its way.
func WithPrefetchBytes(n int) ReadOption { return func(r *reading) { r.ahead = max(n, 1) } }

// Limit ends the loop after n items, without an error; 0 is no limit. [Method.Pages] yields whole pages, and ends with the one that
// reaches n. The last page is asked for with no more items than are wanted.
func WithLimit(n int) ReadOption { return func(r *reading) { r.limit = int64(n) } }

// MaxPages guards against a list that is larger than expected: where there is a page after the n-th, the loop ends with
// [ErrMorePages] in its place. 0 is no guard.
func WithMaxPages(n int) ReadOption { return func(r *reading) { r.pages = n } }

// From goes on with the page that a token stands for, such as the NextToken of a [Page] that was the last one to be used: what the
// request skips was skipped before. An empty token is the first page.
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
