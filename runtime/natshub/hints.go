package natshub

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// hints wake readers. The server sends a hint for each record, and a watchdog looks for changes
// without one.
type hints struct {
	log    *Log
	status chan nats.Status

	mu      sync.Mutex
	sub     *nats.Subscription
	changed chan struct{} // nil without watchers
	timer   *time.Timer   // of the watchdog; nil without watchers
	done    bool
	subject string // of the latest change that watchers know
	last    uint64
	hinted  uint64 // the latest sequence number in a hint, for the stream with that subject
}

// Watch implements [eventlog.Store]. The server sends a small message for each record that was
// stored, to one subscription per log and process; without appends, nothing is sent. While
// something waits, the log also asks for its bounds once in the time of [WithWatchdog], in case
// such a message was lost.
func (l *Log) Watch() <-chan struct{} {
	h := &l.hints
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed == nil {
		h.changed = make(chan struct{})
		if h.done {
			close(h.changed)
		}
	}
	if h.timer == nil && !h.done {
		h.timer = time.AfterFunc(jittered(l.settings.watchdog), func() { l.inspect() })
	}
	return h.changed
}

// start subscribes to hints, and watches the connection.
func (h *hints) start(l *Log) error {
	h.log = l
	if err := h.subscribe(); err != nil {
		return fmt.Errorf("natshub: opening log %q: %w", l.name, err)
	}
	h.status = l.nc.StatusChanged(nats.CONNECTED)
	go func() {
		for range h.status { // hints and answers may have been lost
			l.reconnect()
			h.wake()
		}
	}()
	return nil
}

// subscribe replaces the subscription.
func (h *hints) subscribe() error {
	l := h.log
	sub, err := l.nc.Subscribe(l.settings.changes(l.name, "*"), h.receive)
	if err != nil {
		return err
	}
	h.mu.Lock()
	former := h.sub
	h.sub = sub
	done := h.done
	h.mu.Unlock()
	if former != nil {
		_ = former.Unsubscribe()
	}
	if done {
		return sub.Unsubscribe()
	}
	return flush(l.closed, l.nc)
}

func (h *hints) stop(nc *nats.Conn) {
	h.mu.Lock()
	first, sub, timer := !h.done, h.sub, h.timer
	h.done = true
	h.mu.Unlock()
	if !first {
		return
	}
	h.wake()
	if timer != nil {
		timer.Stop()
	}
	if sub != nil {
		_ = sub.Unsubscribe()
	}
	if h.status != nil {
		nc.RemoveStatusListener(h.status)
	}
}

// receive wakes watchers for a hint.
func (h *hints) receive(msg *nats.Msg) {
	l := h.log
	epoch := msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:]
	last, _ := strconv.ParseUint(msg.Header.Get("Nats-Sequence"), 10, 64) // none: a new stream
	h.mu.Lock()
	h.subject, h.last, h.hinted = l.settings.subject(l.name, epoch), last, last
	h.mu.Unlock()
	h.wake()
}

// seen wakes watchers if the stream has changed without a hint so far.
func (h *hints) seen(subject string, last uint64) {
	h.mu.Lock()
	changed := h.subject != subject || h.last != last
	if h.subject != subject {
		h.hinted = 0
	}
	h.subject, h.last = subject, last
	h.mu.Unlock()
	if changed {
		h.wake()
	}
}

// wake closes the channel of the watchers.
func (h *hints) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// hintGrace is how long a hint may take after the record that it is for.
const hintGrace = time.Second

// inspect looks for a change without a hint, and then subscribes again. It runs while watchers
// wait.
func (l *Log) inspect() {
	h := &l.hints
	h.mu.Lock()
	waited := h.changed != nil && !h.done
	subject, last := h.subject, h.last
	h.timer = nil
	h.mu.Unlock()
	if !waited {
		return
	}
	defer l.watchAgain()
	ctx, cancel := context.WithTimeout(l.closed, attemptTimeout)
	defer cancel()
	v, err := l.view(ctx) // wakes the watchers
	if err != nil || v.subject == subject && v.bounds.Last == last {
		return
	}
	pause(ctx, hintGrace)
	h.mu.Lock()
	missing := h.subject == v.subject && h.hinted < v.bounds.Last
	h.mu.Unlock()
	if !missing || l.closed.Err() != nil {
		return
	}
	l.stalled.Add(1)
	_ = h.subscribe() // if it fails, the next inspection does it
}

// watchAgain continues the watchdog if something waits.
func (l *Log) watchAgain() {
	h := &l.hints
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed != nil && h.timer == nil && !h.done {
		h.timer = time.AfterFunc(jittered(l.settings.watchdog), func() { l.inspect() })
	}
}
