package pgstore

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

// hints tell other processes what is due, and what has ended, and receive what they tell.
type hints struct {
	db           *DB
	seen         string        // the statement
	due, changes string        // the channels
	fixed        time.Duration // the interval; 0 if it follows the number of processes

	mu        sync.Mutex
	processes int       // that listen
	counted   time.Time // when they were
	scheduled bool
	unclaimed map[string]struct{} // due, and not claimed here yet
	unsaid    []string            // of which no other process knows yet
	watches   map[string]map[*watch]struct{}
}

// watch is a call of Watch.
type watch struct {
	name            string
	done, cancelled bool // as the caller has seen it
	news            chan struct{}
}

// Each notification wakes all processes, so its cost grows with their number, and so does the number
// of notifications. The interval grows with the square: 2.5 s for a hundred processes. When it is
// longer than a manager waits before it polls, there are no hints.
const (
	shortestHints = 20 * time.Millisecond
	longestHints  = 5 * time.Second
	hintsFactor   = 250 * time.Microsecond
	countEvery    = 30 * time.Second
)

// WithHintInterval sets how long hints for other processes are collected before one notification
// tells them. By default, the interval follows the number of processes that listen: 20 ms for up to
// nine, 2.5 s for a hundred; from 142 on there are no hints, and managers poll. See docs/scale.md.
func WithHintInterval(every time.Duration) OperationsOption {
	return func(o *Operations) { o.hints.fixed = max(every, time.Millisecond) }
}

// interval returns how long hints are collected; 0 for no hints.
func (h *hints) interval() time.Duration {
	if h.fixed > 0 {
		return h.fixed
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	every := time.Duration(h.processes*h.processes) * hintsFactor
	if every > longestHints {
		return 0
	}
	return max(every, shortestHints)
}

// countProcesses counts the processes that listen, from time to time.
func (h *hints) countProcesses(ctx context.Context) {
	h.mu.Lock()
	stale := h.fixed == 0 && time.Since(h.counted) > countEvery
	h.mu.Unlock()
	if !stale {
		return
	}
	n := 0
	const sql = `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()`
	if err := h.db.pool.QueryRow(ctx, sql, h.db.listenerName()).Scan(&n); err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.processes, h.counted = n, time.Now()
}

func newHints(db *DB, seen string) *hints {
	h := &hints{
		db: db, seen: seen, due: db.channel("operations_due"), changes: db.channel("operations"),
		unclaimed: make(map[string]struct{}), watches: make(map[string]map[*watch]struct{}),
	}
	db.listener.receive(h.changes, h.receive)
	return h
}

// Due implements [operation.Notifier].
func (o *Operations) Due() <-chan struct{} { return o.db.listener.next(o.hints.due) }

// created tells other processes that an operation is due, unless this one claims it at once.
func (h *hints) created(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unclaimed[name] = struct{}{}
	h.schedule()
}

// claimed notes that this process has claimed operations.
func (h *hints) claimed(ops []*operation.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, op := range ops {
		delete(h.unclaimed, op.Name)
	}
}

// changed tells all that wait for an operation, here and elsewhere, that it has changed.
func (h *hints) changed(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.close(name)
	if len(h.unsaid) <= mostUnsaid {
		h.unsaid = append(h.unsaid, name)
	}
	h.schedule()
}

// schedule announces what has been collected in a moment. The caller holds h.mu.
func (h *hints) schedule() {
	if !h.scheduled {
		h.scheduled = h.db.start(h.announce)
	}
}

// How long an announcement may take, and how long the names in a notification may be.
const (
	announceTimeout = 5 * time.Second
	maxPayload      = 7900 // PostgreSQL allows less than 8000 bytes
	mostPayloads    = 8    // before one without names tells all
	mostUnsaid      = 2000 // which are as good as all
)

// announce tells other processes what has been collected. What fails is not repeated: they poll.
func (h *hints) announce(ctx context.Context) {
	every := h.interval()
	sleep(ctx, cmp.Or(every, longestHints)) // less if the process stops
	h.mu.Lock()
	due, names := len(h.unclaimed) > 0, h.unsaid
	clear(h.unclaimed)
	h.unsaid, h.scheduled = nil, false
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceTimeout)
	defer cancel()
	h.countProcesses(ctx)
	if every == 0 || !due && len(names) == 0 {
		return
	}
	b := &pgx.Batch{}
	b.Queue("BEGIN")
	b.Queue("SET LOCAL synchronous_commit = off") // nothing is lost with a hint
	if due {
		b.Queue(notifySQL, h.due, "")
	}
	for _, payload := range payloads(names) {
		b.Queue(notifySQL, h.changes, payload)
	}
	b.Queue("COMMIT")
	h.db.pool.SendBatch(ctx, b).Close()
}

// payloads returns names in as few texts as possible, or one empty text for too many.
func payloads(names []string) (all []string) {
	var b strings.Builder
	for _, name := range names {
		text := textOf(name)
		if b.Len()+len(text)+1 > maxPayload {
			all = append(all, b.String())
			b.Reset()
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(text)
	}
	if b.Len() > 0 {
		all = append(all, b.String())
	}
	if len(all) > mostPayloads || len(names) > mostUnsaid {
		return []string{""}
	}
	return all
}

// receive takes a notification of operations that have changed.
func (h *hints) receive(payload string) {
	if payload == "" {
		h.db.start(h.checkAll)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for text := range strings.SplitSeq(payload, "\n") {
		h.close(stringOf(text))
	}
}

// close ends the watches of an operation. The caller holds h.mu.
func (h *hints) close(name string) {
	for w := range h.watches[name] {
		close(w.news)
	}
	delete(h.watches, name)
}

// seenSQL returns those of many operations that were not deleted, and what watches are for.
const seenSQL = `
SELECT name, done_time IS NOT NULL, cancel_time IS NOT NULL FROM {{table}}
WHERE name = ANY($1) AND delete_time IS NULL`

// Watch implements [operation.Store]. It reads the operation once; after that it costs no query.
func (o *Operations) Watch(ctx context.Context, seen *operation.Record) (<-chan struct{}, error) {
	if o.errs != nil {
		return nil, o.errs
	}
	w := &watch{name: seen.Name, done: seen.Done(), cancelled: !seen.CancelTime.IsZero(), news: make(chan struct{})}
	o.hints.add(w)
	context.AfterFunc(ctx, func() { o.hints.remove(w) })
	if err := o.hints.check(ctx, []*watch{w}); err != nil {
		o.hints.remove(w)
		return nil, err
	}
	return w.news, nil
}

func (h *hints) add(w *watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watches[w.name] == nil {
		h.watches[w.name] = make(map[*watch]struct{})
	}
	h.watches[w.name][w] = struct{}{}
}

func (h *hints) remove(w *watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watches[w.name], w)
	if len(h.watches[w.name]) == 0 {
		delete(h.watches, w.name)
	}
}

// mostChecked is how many watches one statement checks.
const mostChecked = 1000

// checkAll checks all watches, after notifications may have been missed. If it cannot, it ends them.
func (h *hints) checkAll(ctx context.Context) {
	h.mu.Lock()
	var all []*watch
	for _, watches := range h.watches {
		for w := range watches {
			all = append(all, w)
		}
	}
	h.mu.Unlock()
	for len(all) > 0 {
		n := min(len(all), mostChecked)
		if err := h.check(ctx, all[:n]); err != nil {
			h.endAll(all[:n])
		}
		all = all[n:]
	}
}

// endAll ends watches.
func (h *hints) endAll(all []*watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range all {
		h.end(w)
	}
}

// end ends a watch that has not ended. The caller holds h.mu.
func (h *hints) end(w *watch) {
	if _, open := h.watches[w.name][w]; !open {
		return
	}
	close(w.news)
	delete(h.watches[w.name], w)
	if len(h.watches[w.name]) == 0 {
		delete(h.watches, w.name)
	}
}

// check ends the watches of operations that are no longer as they were seen.
func (h *hints) check(ctx context.Context, all []*watch) error {
	names := make([]string, len(all))
	for i, w := range all {
		names[i] = textOf(w.name)
	}
	type state struct{ done, cancelled bool }
	states := make(map[string]state, len(all))
	err := h.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := h.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		rows, err := conn.Query(ctx, h.seen, names)
		if err != nil {
			return err
		}
		var name string
		var s state
		_, err = pgx.ForEachRow(rows, []any{&name, &s.done, &s.cancelled}, func() error {
			states[stringOf(name)] = s
			return nil
		})
		return err
	})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range all {
		if s, found := states[w.name]; !found || s.done != w.done || s.cancelled != w.cancelled {
			h.end(w)
		}
	}
	return nil
}
