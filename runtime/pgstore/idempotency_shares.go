package pgstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/internal/share"
)

// When a process counts what the entries in the database take: after it has added a part of the
// limit, and at intervals of which counts take a 50th at most; if there is no room, at intervals of
// which they take a tenth.
const (
	countAfter    = 64 // the part
	countInterval = 10 * time.Second
	countRest     = 50
	recountPause  = 100 * time.Millisecond
	recountRest   = 10
	countTimeout  = 30 * time.Second
)

// sqlIdempotencyShares adds up what each principal uses: claims, responses, and what is over. It
// reads an index.
const sqlIdempotencyShares = `
SELECT owner,
	coalesce(sum(bytes) FILTER (WHERE until > now() AND NOT done), 0)::bigint,
	coalesce(sum(bytes) FILTER (WHERE until > now() AND done), 0)::bigint,
	coalesce(sum(bytes) FILTER (WHERE until <= now()), 0)::bigint
FROM {{table}} GROUP BY owner`

// keyShares is what principals use of the table, as the process knows it: a count, and the changes
// that it has made since. The rows themselves are the only record of that in the database, so no
// counter there is wrong after a crash, and none is a lock that all calls take.
type keyShares struct {
	limit int
	sql   string

	mu       sync.Mutex
	ledger   *share.Ledger // nil before the first count
	over     int           // bytes of entries that are over
	added    int           // bytes since the count
	counted  time.Time
	took     time.Duration
	counting chan struct{} // closed when the count has ended; nil if there is none
}

// counter runs counts on a connection.
type counter interface {
	// each calls f for each row of a query.
	each(ctx context.Context, sql string, to []any, f func() error) error
	// run calls f with a context that bounds a count, and returns when it has returned or ctx has
	// ended.
	run(ctx context.Context, f func(context.Context) error) error
	// early reports whether counts may run although there may be room.
	early() bool
}

// inTx counts in a transaction, because no other connection may be free while it is open.
type inTx struct{ pgx.Tx }

func (t inTx) run(ctx context.Context, f func(context.Context) error) error { return f(ctx) }
func (t inTx) early() bool                                                  { return false }

func (t inTx) each(ctx context.Context, sql string, to []any, f func() error) error {
	rows, err := t.Query(ctx, sql)
	if err == nil {
		_, err = pgx.ForEachRow(rows, to, f)
	}
	return err
}

func (p inPool) early() bool { return true }

func (p inPool) each(ctx context.Context, sql string, to []any, f func() error) error {
	return p.with(ctx, func(conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, sql)
		if err == nil {
			_, err = pgx.ForEachRow(rows, to, f)
		}
		return err
	})
}

// run lets a count outlive the call that has started it: counts of a large store may take longer
// than any call does.
func (p inPool) run(ctx context.Context, f func(context.Context) error) error {
	done := make(chan error, 1)
	if !p.start(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, countTimeout)
		defer cancel()
		done <- f(ctx)
	}) {
		return errClosed
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mayStart reports whether a principal may make a claim.
func (s *keyShares) mayStart(
	ctx context.Context, from counter, owner []byte, size int,
) (bool, error) {
	return s.may(ctx, from, func(l *share.Ledger) bool { return l.MayStart(string(owner), size) })
}

// mayKeep reports whether a claim may get a response.
func (s *keyShares) mayKeep(
	ctx context.Context, from counter, owner []byte, pinned, size int,
) (bool, error) {
	return s.may(ctx, from, func(l *share.Ledger) bool {
		return l.MayKeep(string(owner), pinned, size)
	})
}

// may asks the ledger, after a count if one is due or if it says no. A count that fails leaves the
// former one.
func (s *keyShares) may(
	ctx context.Context, from counter, ask func(*share.Ledger) bool,
) (bool, error) {
	known, due := s.state()
	if !known || due && from.early() {
		if err := s.count(ctx, from); err != nil && (!known || ctx.Err() != nil) {
			return false, err
		}
	}
	yes, again := s.ask(ask)
	if yes || !again {
		return yes, nil
	}
	if err := s.count(ctx, from); err != nil {
		return false, err
	}
	yes, _ = s.ask(ask)
	return yes, nil
}

// state reports whether there is a count, and whether another one is due.
func (s *keyShares) state() (known, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger != nil, s.counting == nil &&
		(s.added > s.limit/countAfter || time.Since(s.counted) > max(countInterval, countRest*s.took))
}

// ask asks the ledger, and reports whether another count may be made if it says no.
func (s *keyShares) ask(ask func(*share.Ledger) bool) (yes, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	again = time.Since(s.counted) > max(recountPause, recountRest*s.took)
	return s.ledger != nil && ask(s.ledger), again
}

// errNotCounted is the error of a call that has waited for a count of another one, which failed.
var errNotCounted = errors.New("pgstore: the entries could not be counted; retry")

// count counts, or waits for a count that another call has started.
func (s *keyShares) count(ctx context.Context, from counter) error {
	s.mu.Lock()
	running := s.counting
	if running == nil {
		s.counting = make(chan struct{})
	}
	s.mu.Unlock()
	if running == nil {
		err := from.run(ctx, func(ctx context.Context) error { return s.read(ctx, from) })
		if errors.Is(err, errClosed) { // it has not run
			s.ended()
		}
		return err
	}
	select {
	case <-running:
	case <-ctx.Done():
		return ctx.Err()
	}
	if known, _ := s.state(); !known {
		return errNotCounted
	}
	return nil
}

// ended lets go of who waits for the count.
func (s *keyShares) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counting != nil {
		close(s.counting)
		s.counting = nil
	}
}

// read replaces the count by what the table holds.
func (s *keyShares) read(ctx context.Context, from counter) error {
	start := time.Now()
	ledger, over, err := s.query(ctx, from)
	defer s.ended()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counted, s.took = time.Now(), time.Since(start)
	if err == nil {
		s.ledger, s.over, s.added = ledger, over, 0
	}
	return err
}

func (s *keyShares) query(
	ctx context.Context, from counter,
) (ledger *share.Ledger, over int, err error) {
	ledger = share.NewLedger(s.limit)
	var owner []byte
	var pinned, kept, ended int64
	err = from.each(ctx, s.sql, []any{&owner, &pinned, &kept, &ended}, func() error {
		ledger.Add(string(owner), int(pinned), int(kept))
		over += int(ended)
		return nil
	})
	return ledger, over, explained(err)
}

// add adds to what a principal uses.
func (s *keyShares) add(owner []byte, pinned, kept int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added += max(pinned+kept, 0)
	if s.ledger != nil {
		s.ledger.Add(string(owner), pinned, kept)
	}
}

// removed subtracts entries that were over.
func (s *keyShares) removed(entries []gone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		s.over = max(s.over-e.bytes, 0)
	}
}

// stale makes a count due.
func (s *keyShares) stale() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added = s.limit
}

// excess returns by how many bytes the entries exceed the limit, how many bytes are over, and the
// principal whose responses take most, or nil.
func (s *keyShares) excess() (bytes, over int, largest []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ledger == nil {
		return 0, 0, nil
	}
	if owner := s.ledger.Largest(); owner != "" {
		largest = []byte(owner)
	}
	return s.ledger.Bytes() + s.over - s.limit, s.over, largest
}
