//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/internal/chaos/history"
	"github.com/grpcservice/grpcservice/internal/chaos/judge"
	"github.com/grpcservice/grpcservice/internal/chaos/replica"
	chaosv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/chaos/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// anyReplica is a service that calls another replica each time.
type anyReplica struct {
	replica.Service // nil: only Subscribe is called
	*cluster
}

// Subscribe implements [replica.Service].
func (s anyReplica) Subscribe(ctx context.Context,
	req *chaosv1.SubscribeRequest) runtime.Stream[chaosv1.Event] {
	return s.any().service.Subscribe(ctx, req)
}

// stream is a log with its publishers and subscribers.
type stream struct {
	*cluster
	name string
	gate *gate // of appends

	work sync.WaitGroup
}

// last is the publisher of the last event of a log.
const last = "last"

// publish appends as many events as the gate has. A publisher does not repeat an append whose
// outcome it does not know.
func (s *stream) publish(publishers int) {
	for i := range publishers {
		name := fmt.Sprintf("publisher%d", i)
		s.work.Go(func() {
			for number := int64(1); ; number++ {
				if _, ok := s.gate.take(s.ctx); !ok {
					return
				}
				s.append(name, number)
				s.gate.finish()
			}
		})
	}
}

// append appends an event, and reports whether it was acknowledged.
func (s *stream) append(publisher string, number int64) bool {
	e := s.history.Invoke(history.Entry{Client: publisher, Kind: history.Publish, Name: s.name,
		Key: publisher, Count: number})
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	resp, err := s.any().service.Publish(ctx, &chaosv1.PublishRequest{Log: s.name,
		Publisher: publisher, Number: number})
	if err != nil {
		s.unknown(e, err)
		return false
	}
	e.Type, e.Answer = history.OK, fmt.Sprint(resp.GetSequence())
	s.history.End(e)
	return true
}

// close appends the event that ends subscriptions.
func (s *stream) close() {
	for number := int64(1); s.ctx.Err() == nil && !s.append(last, number); number++ {
	}
}

// subscribe receives events on any replica, from a position on, until the last one. It returns the
// position of the event with the index at.
func (s *stream) subscribe(name, position string, at int) (middle string, err error) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	n := 0
	events := replica.Subscribe.Resume(ctx, anyReplica{cluster: s.cluster},
		&chaosv1.SubscribeRequest{Log: s.name}, subscription.WithPosition(position))
	for event, err := range events {
		if lost := (*subscription.NotRecovered)(nil); errors.As(err, &lost) {
			s.history.Event(history.Entry{Client: name, Kind: history.Lost, Name: s.name,
				Error: err.Error()})
			return middle, nil
		}
		if err != nil {
			return middle, fmt.Errorf("%s of %s, after %d events: %w", name, s.name, n, err)
		}
		s.history.Event(history.Entry{Client: name, Kind: history.Receive, Name: s.name,
			Key: event.GetPublisher(), Count: event.GetNumber()})
		if n == at {
			middle = event.GetNextPosition()
		}
		n++
		if event.GetPublisher() == last {
			return middle, nil
		}
	}
	return middle, fmt.Errorf("%s of %s: the stream ended after %d events", name, s.name, n)
}

// logged returns the events of a log. Its subscribers are to be added.
func (s *stream) logged(store eventlog.Store) judge.Log {
	read := judge.Log{Name: s.name}
	log := eventlog.New[chaosv1.Event](store)
	bounds, err := log.Bounds(s.ctx)
	s.must(err)
	for entry, err := range log.Read(s.ctx, bounds.Earliest()) {
		s.must(err)
		m := entry.Message
		read.Events = append(read.Events, judge.Event{Sequence: entry.Position.Sequence,
			Publisher: m.GetPublisher(), Number: m.GetNumber()})
		if m.GetPublisher() == last && read.Until == 0 { // others may follow: outcomes are unknown
			read.Until = len(read.Events)
		}
	}
	return read
}

// TestEvents publishes events and subscribes to them on replicas that are killed, stopped and cut
// off, with a log in PostgreSQL and one in NATS.
func TestEvents(t *testing.T) {
	total, subscribers, most := 400, 3, 20*time.Minute
	plan := append(several(6, kill), killTwo, stop, cut, hole, killDatabase, killNATS, killNATS,
		clockForward)
	if long() {
		total, most = 10_000, 60*time.Minute
		plan = slices.Concat(several(70, kill), several(15, killTwo), several(8, stop),
			several(15, cut), several(8, hole), several(8, killDatabase), several(12, killNATS),
			several(4, clockForward), several(4, clockBack), several(3, diskFull))
	}
	c := start(t, options{nats: true, most: most})
	began := time.Now()
	var streams []*stream
	var gates []*gate
	for _, name := range []string{replica.PostgresLog, replica.NATSLog} {
		s := &stream{cluster: c, name: name, gate: newGate(total)}
		streams, gates = append(streams, s), append(gates, s.gate)
		s.publish(4)
	}
	middles := make([]string, len(streams))
	var receiving sync.WaitGroup
	for i, s := range streams {
		for n := range subscribers {
			receiving.Go(func() {
				middle, err := s.subscribe(subscriber(n), "", total/3)
				if err != nil {
					t.Error(err)
				}
				if n == 0 {
					middles[i] = middle
				}
			})
		}
	}
	c.breakAll(plan, gates...)
	for _, s := range streams {
		s.work.Wait()
		s.close()
	}
	receiving.Wait()
	logs := c.openLogs()
	var judged []judge.Log
	for i, s := range streams {
		judged = append(judged, s.late(logs[s.name], middles[i], total/3, subscribers))
	}
	h := c.judged()
	for _, log := range judged {
		c.report(judge.CheckEvents(h, log))
		t.Logf("log %s: %d events of %d appends, %d subscribers", log.Name, len(log.Events), total,
			len(log.Subscribers))
	}
	t.Logf("in %v: %d calls, %d events received; %s", time.Since(began).Round(time.Second),
		len(h.Calls), len(h.Events), c.broken())
}

func subscriber(n int) string { return fmt.Sprintf("subscriber%d", n) }

// late subscribes from a position in the middle of a log, and again when events after it are
// trimmed. It returns what the log has and its subscribers should have received.
func (s *stream) late(store eventlog.Store, middle string, at, subscribers int) judge.Log {
	log := s.logged(store)
	log.Subscribers, log.Losers = map[string]int{"from the middle": at + 1}, []string{"of trimmed events"}
	for n := range subscribers {
		log.Subscribers[subscriber(n)] = 0
	}
	if _, err := s.subscribe("from the middle", middle, -1); err != nil {
		s.t.Error(err)
	}
	bounds, err := store.Bounds(s.ctx)
	s.must(err)
	s.must(store.Trim(s.ctx, eventlog.Position{Epoch: bounds.Epoch,
		Sequence: log.Events[at+2].Sequence}))
	for _, m := range s.members { // whose tails may still have them
		s.must(m.Kill())
	}
	if _, err := s.subscribe("of trimmed events", middle, -1); err != nil {
		s.t.Error(err)
	}
	return log
}

// openLogs opens the logs past all proxies.
func (c *cluster) openLogs() map[string]eventlog.Store {
	db, err := pgstore.Open(c.ctx, c.pool)
	c.must(err)
	c.t.Cleanup(db.Close)
	logs, end, err := replica.OpenLogs(c.ctx, replica.Config{NATS: c.natsURL()}, db)
	c.must(err)
	c.t.Cleanup(end)
	return logs
}

// TestBrokenLog runs replicas whose log loses events, and expects that this is noticed.
func TestBrokenLog(t *testing.T) {
	c := start(t, options{broken: "log", most: 15 * time.Minute})
	s := &stream{cluster: c, name: replica.PostgresLog, gate: newGate(30)}
	s.publish(3)
	c.breakAll(nil, s.gate)
	s.work.Wait()
	s.close()
	if _, err := s.subscribe("subscriber", "", -1); err != nil {
		t.Fatal(err)
	}
	log := s.logged(c.openLogs()[s.name])
	log.Subscribers = map[string]int{"subscriber": 0}
	c.noticed(judge.CheckEvents(c.judged(), log), judge.DeliveryDiffers)
}
