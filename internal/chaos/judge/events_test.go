package judge

import (
	"slices"
	"testing"

	"github.com/grpcservice/grpcservice/internal/chaos/history"
)

func publish(from, to int, number int64, sequence string) history.Call {
	return call(from, to, history.Entry{Kind: history.Publish, Name: "log", Key: "p",
		Count: number}, func(e *history.Entry) { e.Answer = sequence })
}

func receive(line int, client string, number int64) history.Entry {
	return history.Entry{Line: line, Client: client, Kind: history.Receive, Name: "log", Key: "p",
		Count: number}
}

func lost(line int, client string) history.Entry {
	return history.Entry{Line: line, Client: client, Kind: history.Lost, Name: "log"}
}

func TestEvents(t *testing.T) {
	type events struct {
		history.History
		Log
	}
	for name, test := range map[string]struct {
		plant func(*events)
		want  []Rule
	}{
		"events without violations": {func(*events) {}, nil},
		"another log": {
			func(e *events) { e.History.Events = nil; e.Log = Log{Name: "another"} },
			nil,
		},
		"an event is gone": {
			func(e *events) {
				e.Log.Events = slices.Delete(e.Log.Events, 0,
					1)
				e.Subscribers = nil
			},
			[]Rule{EventLost},
		},
		"an event is in the log twice": {
			func(e *events) {
				e.Log.Events = append(e.Log.Events, Event{9, "p",
					1})
				e.Subscribers = nil
			},
			[]Rule{EventTwice},
		},
		"an event that nobody published": {
			func(e *events) {
				e.Log.Events = append(e.Log.Events, Event{9, "ghost",
					1})
				e.Subscribers = nil
			},
			[]Rule{EventUnexpected},
		},
		"an event whose append failed": {
			func(e *events) { e.Calls[1].End.Type = history.Fail },
			[]Rule{EventUnexpected},
		},
		"an event has another sequence than its publisher was told": {
			func(e *events) { e.Calls[0].End.Answer = "7" },
			[]Rule{EventOrder},
		},
		"an event is before one that was appended before it": {
			func(e *events) {
				e.Log.Events = []Event{{1, "p", 2}, {2, "p", 1}, {3, "p", 3}}
				e.Calls[0].End.Answer, e.Calls[0].End.Line, e.Calls[1].Line = "2", 2, 3
				e.Subscribers = nil
			},
			[]Rule{EventOrder},
		},
		"an append without an answer arrives after a later one": {
			func(e *events) {
				e.Log.Events = []Event{{1, "p", 1}, {2, "p", 3}, {3, "p", 2}}
				e.Calls[1].End.Line, e.Calls[2].End.Answer = 3, "2"
				e.Subscribers = nil
				e.History.Events = e.History.Events[4:]
			},
			nil,
		},
		"sequences decrease": {
			func(e *events) { e.Log.Events[1].Sequence = 1 },
			[]Rule{EventOrder},
		},
		"a subscriber misses an event": {
			func(e *events) { e.History.Events = slices.Delete(e.History.Events, 1, 2) },
			[]Rule{DeliveryDiffers},
		},
		"a subscriber misses the last event": {
			func(e *events) { e.History.Events = slices.Delete(e.History.Events, 2, 3) },
			[]Rule{DeliveryDiffers},
		},
		"a subscriber receives an event twice": {
			func(e *events) {
				e.History.Events = slices.Insert(e.History.Events, 1, receive(0, "s",
					1))
			},
			[]Rule{DeliveryDiffers},
		},
		"a subscriber receives events in another order": {
			func(e *events) { e.History.Events[0].Count, e.History.Events[1].Count = 2, 1 },
			[]Rule{DeliveryDiffers},
		},
		"a subscriber receives more than there is": {
			func(e *events) { e.History.Events = append(e.History.Events, receive(20, "s", 4)) },
			[]Rule{DeliveryDiffers},
		},
		"a subscriber learns of a loss that is none": {
			func(e *events) { e.History.Events = append(e.History.Events, lost(20, "s")) },
			[]Rule{LossUntrue},
		},
		"a subscriber does not learn of a loss": {
			func(e *events) { e.History.Events = slices.Delete(e.History.Events, 4, 5) },
			[]Rule{LossUntold},
		},
		"a subscriber that lost events receives others": {
			func(e *events) {
				e.History.Events = append(e.History.Events, receive(20, "loser",
					3))
			},
			[]Rule{DeliveryDiffers},
		},
	} {
		e := events{
			history.History{
				Calls: []history.Call{
					publish(1, 4, 1, "1"),
					call(2, history.Never, history.Entry{Kind: history.Publish, Name: "log",
						Key: "p", Count: 2}, unknown),
					publish(5, 6, 3, "3"),
					call(7, history.Never, history.Entry{Kind: history.Publish, Name: "log",
						Key: "p", Count: 4}, unknown),
				},
				Events: []history.Entry{receive(8, "s", 1), receive(9, "s", 2), receive(10, "s", 3),
					receive(11, "late", 3), lost(12, "loser")},
			},
			Log{
				Name: "log", Events: []Event{{1, "p", 1}, {2, "p", 2}, {3, "p", 3}}, Until: 3,
				Subscribers: map[string]int{"s": 0, "late": 2}, Losers: []string{"loser"},
			},
		}
		test.plant(&e)
		found := CheckEvents(e.History, e.Log)
		if got := rules(found); !slices.Equal(got, test.want) {
			t.Errorf("%s: violations %v, want of %q", name, found, test.want)
		}
	}
}
