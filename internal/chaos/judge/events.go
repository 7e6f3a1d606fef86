package judge

import (
	"fmt"
	"maps"
	"slices"

	"github.com/grpcservice/grpcservice/internal/chaos/history"
)

// Rules of events.
const (
	// EventLost is that an event that was appended is not in the log.
	EventLost Rule = "event lost"
	// EventTwice is that an event is in the log twice.
	EventTwice Rule = "event twice"
	// EventUnexpected is that no publisher appended an event.
	EventUnexpected Rule = "event unexpected"
	// EventOrder is that an event is in the log before one that had been appended when its own
	// append began.
	EventOrder Rule = "order of events"
	// DeliveryDiffers is that a subscriber received other events than the log has, or in another
	// order.
	DeliveryDiffers Rule = "delivery differs"
	// LossUntrue is that a subscriber was told that it had lost events, and had not.
	LossUntrue Rule = "loss untrue"
	// LossUntold is that a subscriber was not told that it had lost events.
	LossUntold Rule = "loss not told"
)

// Event is an event in a log.
type Event struct {
	Sequence  uint64
	Publisher string
	Number    int64
}

// id identifies an event.
type id struct {
	publisher string
	number    int64
}

// Log is what a log has in the end.
type Log struct {
	Name   string
	Events []Event // in their order
	// Until is the number of events after which subscribers stop.
	Until int
	// Subscribers are the indexes of Events from which each subscriber must have received all.
	Subscribers map[string]int
	// Losers are the subscribers that must have been told that they lost events, and received
	// nothing.
	Losers []string
}

// CheckEvents returns the violations of a history of one log.
func CheckEvents(h history.History, log Log) []Violation {
	c := &eventsCheck{log: log, calls: map[id]history.Call{}, at: map[id]int{}}
	for _, call := range h.Of(history.Publish) {
		if call.Name == log.Name {
			c.calls[id{call.Key, call.Count}] = call
		}
	}
	c.logged()
	c.published()
	c.received(h.Events)
	return c.verdict
}

type eventsCheck struct {
	verdict
	log   Log
	calls map[id]history.Call
	at    map[id]int // indexes of the log
}

// logged checks that events of the log are there once, and in the order of their appends.
func (c *eventsCheck) logged() {
	var latest history.Call // that began last, of the events so far
	for i, e := range c.log.Events {
		event := id{e.Publisher, e.Number}
		call, ok := c.calls[event]
		if !ok {
			c.add(EventUnexpected, nil, "%s, sequence %d: %v", c.log.Name, e.Sequence, event)
			continue
		}
		if before, ok := c.at[event]; ok {
			c.add(EventTwice, at(call.Line), "%s: %v has the sequences %d and %d", c.log.Name,
				event, c.log.Events[before].Sequence, e.Sequence)
			continue
		}
		c.at[event] = i
		// An append without an answer may still be on its way when later ones begin.
		if call.End.Type == history.OK && latest.Line > call.End.Line {
			c.add(EventOrder, at(call.End.Line, latest.Line),
				"%s: %v was appended before %s %d, and has the sequence %d after it",
				c.log.Name, event, latest.Key, latest.Count, e.Sequence)
		}
		if call.Line > latest.Line {
			latest = call
		}
		if i > 0 && e.Sequence <= c.log.Events[i-1].Sequence {
			c.add(EventOrder, nil, "%s: sequence %d after %d", c.log.Name, e.Sequence,
				c.log.Events[i-1].Sequence)
		}
	}
}

// published checks that what was appended is in the log, where the publisher was told.
func (c *eventsCheck) published() {
	for event, call := range c.calls {
		i, ok := c.at[event]
		switch {
		case call.End.Type == history.OK && !ok:
			c.add(EventLost, at(call.End.Line), "%s: %v", c.log.Name, event)
		case call.End.Type == history.OK && call.End.Answer != fmt.Sprint(c.log.Events[i].Sequence):
			c.add(EventOrder, at(call.End.Line),
				"%s: %v has the sequence %d, and its publisher was told %s",
				c.log.Name, event, c.log.Events[i].Sequence, call.End.Answer)
		case call.End.Type == history.Fail && ok:
			c.add(EventUnexpected, at(call.End.Line), "%s: %v, whose append failed", c.log.Name,
				event)
		}
	}
}

// received compares what each subscriber received with the log.
func (c *eventsCheck) received(entries []history.Entry) {
	received, told := map[string][]history.Entry{}, map[string]history.Entry{}
	for _, e := range entries {
		switch {
		case e.Name != c.log.Name:
		case e.Kind == history.Lost:
			told[e.Client] = e
		default:
			received[e.Client] = append(received[e.Client], e)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.log.Subscribers)) {
		c.receivedBy(name, c.log.Events[c.log.Subscribers[name]:c.log.Until], received[name])
		if e, ok := told[name]; ok {
			c.add(LossUntrue, at(e.Line), "%s, subscriber %s: %s", c.log.Name, name, e.Error)
		}
	}
	for _, name := range c.log.Losers {
		if _, ok := told[name]; !ok {
			c.add(LossUntold, nil, "%s, subscriber %s", c.log.Name, name)
		}
		c.receivedBy(name, nil, received[name])
	}
}

// receivedBy reports the first difference between what a subscriber should have received and what
// it has.
func (c *eventsCheck) receivedBy(name string, want []Event, got []history.Entry) {
	for i, e := range got {
		switch {
		case i >= len(want):
			c.add(DeliveryDiffers, at(e.Line),
				"%s, subscriber %s: received %s %d after the end of the log",
				c.log.Name, name, e.Key, e.Count)
			return
		case e.Key != want[i].Publisher || e.Count != want[i].Number:
			c.add(DeliveryDiffers, at(e.Line),
				"%s, subscriber %s: received %s %d as number %d, want %s %d",
				c.log.Name, name, e.Key, e.Count, i, want[i].Publisher, want[i].Number)
			return
		}
	}
	if len(got) < len(want) {
		c.add(DeliveryDiffers, nil, "%s, subscriber %s: received %d of %d events", c.log.Name, name,
			len(got), len(want))
	}
}
