package pgstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/runtime/internal/share"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// shares divides the bytes of the table among principals. It knows what this process adds and
// removes, and learns what others do when it counts.
type shares struct {
	db    *DB
	table string

	mu       sync.Mutex
	counting chan struct{} // closed when the count that runs is done; nil if none runs
	limit    int
	measured bool
	size     int           // of the table when it was measured, and what was added since
	added    int           // since it was measured
	ledger   *share.Ledger // nil until it is needed
	counted  time.Time
	took     time.Duration
	uncount  int // added since it was counted
}

func newShares(db *DB, limit int) *shares {
	return &shares{db: db, table: db.table("operations"), limit: limit}
}

func (s *shares) setLimit(n int) { s.limit = n }

// String returns what is known of the use of the table.
func (s *shares) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := s.size
	if s.ledger != nil {
		used = s.ledger.Bytes()
	}
	return fmt.Sprintf("%d of %d", used, s.limit)
}

// countedPart is the part of the limit after which a process measures, and counts, again.
const countedPart = 64

// exact reports whether n more bytes may be too many for someone's share. As long as the table with
// its indexes takes less than half of the limit, they are not. It is measured in from: a call with a
// transaction must not wait for another connection, or as many of them as the pool has connections
// wait for each other.
func (s *shares) exact(ctx context.Context, from rowQuerier, n int) (bool, error) {
	s.mu.Lock()
	stale := !s.measured || s.added > s.limit/countedPart
	exact := s.size+n > s.limit/2
	s.mu.Unlock()
	if !stale {
		return exact, nil
	}
	var size int
	measure := func(ctx context.Context, _ bool) error {
		return from.QueryRow(ctx, `SELECT pg_total_relation_size($1::regclass)`, s.table).Scan(&size)
	}
	var err error
	if _, ok := from.(inPool); ok {
		err = s.db.do(ctx, measure)
	} else {
		err = measure(ctx, false)
	}
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size, s.added, s.measured = size, 0, true
	return s.size+n > s.limit/2, nil
}

// written notes that n bytes were written.
func (s *shares) written(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size, s.added = s.size+n, s.added+n
}

// add notes a change of what a principal's operations count for, before and after their end.
func (s *shares) add(principal string, pinned, kept int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	grown := max(0, pinned) + max(0, kept)
	s.size, s.added = s.size+grown, s.added+grown
	if s.ledger != nil {
		s.uncount += grown
		s.ledger.Add(principal, pinned, kept)
	}
}

// mayStart reports whether the share of a principal is full for another operation of n bytes.
func (s *shares) mayStart(ctx context.Context, from rowQuerier, principal string, n int) (full bool, err error) {
	return s.full(ctx, from, n, func(l *share.Ledger) bool { return l.MayStart(principal, n) })
}

// mayGrow is the same for an operation that grows by n bytes.
func (s *shares) mayGrow(
	ctx context.Context, from rowQuerier, principal string, n int,
) (full bool, err error) {
	return s.full(ctx, from, n, func(l *share.Ledger) bool { return l.MayGrow(principal, n) })
}

// mayKeep is the same for one of pinned bytes that ends with size bytes.
func (s *shares) mayKeep(
	ctx context.Context, from rowQuerier, principal string, pinned, size int,
) (full bool, err error) {
	return s.full(ctx, from, size, func(l *share.Ledger) bool {
		return l.MayKeep(principal, pinned, size)
	})
}

// full reports whether n more bytes are too many, by the rule may.
func (s *shares) full(ctx context.Context, from rowQuerier, n int, may func(*share.Ledger) bool) (bool, error) {
	if exact, err := s.exact(ctx, from, n); err != nil || !exact {
		return false, err
	}
	if s.fresh() {
		if s.ask(may) {
			return false, nil
		}
		if s.recent() { // what others do is no news
			return true, nil
		}
	}
	if err := s.count(ctx); err != nil {
		return false, err
	}
	return !s.ask(may), nil
}

func (s *shares) ask(may func(*share.Ledger) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger == nil || may(s.ledger)
}

// fresh reports whether what was counted is good enough to allow something.
func (s *shares) fresh() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger != nil && s.uncount <= s.limit/countedPart
}

// recent reports whether what was counted is good enough to reject something. Counting takes at
// most a twentieth of the time.
func (s *shares) recent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.counted) < max(time.Second, 20*s.took)
}

// sharesSQL counts what is not done by its index, and what is done in its index.
const sharesSQL = `
SELECT principal, sum(fixed_bytes + coalesce(octet_length(request), 0) + coalesce(octet_length(metadata), 0) +
	coalesce(octet_length(checkpoint), 0) + $1::int), 0 FROM %[1]s WHERE due_time IS NOT NULL GROUP BY principal
UNION ALL
SELECT principal, 0, sum(kept_bytes) FROM %[1]s WHERE expire_time IS NOT NULL GROUP BY principal`

// How long a call waits for a count, which then continues, and how long a count may take.
const (
	countWait    = 3 * time.Second
	longestCount = 10 * time.Minute
)

// count counts the bytes of all principals. With a very large table it takes longer than calls may
// wait: until it is done, they use the last count, or none.
func (s *shares) count(ctx context.Context) error {
	s.mu.Lock()
	if s.counting == nil {
		s.counting = make(chan struct{})
		if !s.db.start(s.countNow) {
			close(s.counting)
			s.counting = nil
			s.mu.Unlock()
			return errClosed
		}
	}
	done := s.counting
	s.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, countWait)
	defer cancel()
	select {
	case <-done:
	case <-limited.Done():
	}
	return ctx.Err()
}

// countNow reads what all principals have. If it cannot, the next call tries again.
func (s *shares) countNow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, longestCount)
	defer cancel()
	start := time.Now()
	ledger, err := s.read(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.ledger, s.counted, s.took, s.uncount = ledger, time.Now(), time.Since(start), 0
	}
	close(s.counting)
	s.counting = nil
}

// excess returns the principal whose done operations take most, and how many bytes are too many.
func (s *shares) excess() (principal string, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ledger == nil || !s.ledger.Full() {
		return "", 0
	}
	return s.ledger.Largest(), s.ledger.Bytes() - s.limit
}

// read reads the bytes of all principals. It does so on a connection of its own, because calls that
// wait for it may have all connections of the pool, with transactions that are open.
func (s *shares) read(ctx context.Context) (ledger *share.Ledger, err error) {
	sql := fmt.Sprintf(sharesSQL, s.table)
	err = s.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := s.db.connect(ctx, s.db.countsName())
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		rows, err := conn.Query(ctx, sql, operation.ReservedStatusBytes)
		if err != nil {
			return err
		}
		ledger = share.NewLedger(s.limit)
		var principal string
		var pinned, kept int
		_, err = pgx.ForEachRow(rows, []any{&principal, &pinned, &kept}, func() error {
			ledger.Add(stringOf(principal), pinned, kept)
			return nil
		})
		return err
	})
	return ledger, err
}
