package subscription

import "time"

// beat decides when a client gets a mark: when the replay is over, and when nothing was sent for
// an interval. A nil beat sends none.
type beat struct {
	interval time.Duration
	timer    *time.Timer // nil if there are no heartbeats
	replayed bool        // the client knows that the replay is over
	busy     bool        // something was sent since the timer was set
	elapsed  bool        // the timer has fired
}

func newBeat(interval time.Duration) *beat {
	b := &beat{interval: interval}
	if interval > 0 {
		b.timer = time.NewTimer(interval)
	}
	return b
}

// sent records that a message was sent.
func (b *beat) sent() {
	if b != nil {
		b.busy = true
	}
}

// due reports whether a mark must be sent now. If so, the caller sends it.
func (b *beat) due(atHead bool) bool {
	if b == nil {
		return false
	}
	if atHead && !b.replayed {
		b.replayed, b.busy = true, true
		b.restart()
		return true
	}
	if b.busy {
		b.restart()
		return false
	}
	select {
	case <-b.c():
		b.elapsed = true
	default:
	}
	if !b.elapsed {
		return false
	}
	b.restart()
	return true
}

// elapse records that the timer has fired.
func (b *beat) elapse() { b.elapsed = true }

// restart sets the timer.
func (b *beat) restart() {
	if b.timer != nil {
		b.timer.Reset(b.interval)
	}
	b.busy, b.elapsed = false, false
}

// c returns the channel of the timer, or nil.
func (b *beat) c() <-chan time.Time {
	if b == nil || b.timer == nil {
		return nil
	}
	return b.timer.C
}

func (b *beat) stop() {
	if b != nil && b.timer != nil {
		b.timer.Stop()
	}
}
