package judge

import (
	"slices"
	"testing"

	"github.com/grpcservice/grpcservice/internal/chaos/history"
)

func order(from, to int, kind history.Kind, key, answer string) history.Call {
	return call(from, to, history.Entry{Kind: kind, Key: key},
		func(e *history.Entry) { e.Answer = answer })
}

func TestOrders(t *testing.T) {
	type orders struct {
		calls  []history.Call
		placed []PlacedOrder
	}
	for name, test := range map[string]struct {
		plant func(*orders)
		want  []Rule
	}{
		"orders without violations": {func(*orders) {}, nil},
		"an order is gone": {
			func(o *orders) { o.placed = o.placed[1:] },
			[]Rule{OrderLost},
		},
		"an order is placed twice": {
			func(o *orders) { o.placed = append(o.placed, PlacedOrder{"k", "3"}) },
			[]Rule{OrderTwice},
		},
		"an order without an answer is placed twice": {
			func(o *orders) { o.placed = append(o.placed, PlacedOrder{"never", "3"}) },
			[]Rule{OrderTwice},
		},
		"an order that nobody placed": {
			func(o *orders) { o.placed = append(o.placed, PlacedOrder{"ghost", "3"}) },
			[]Rule{OrderUnexpected},
		},
		"two answers differ": {
			func(o *orders) { o.calls[2].End.Answer = "2" },
			[]Rule{OrderDiffers},
		},
		"all answers differ from the order": {
			func(o *orders) { o.placed[0].Answer = "3" },
			[]Rule{OrderDiffers},
		},
		"a key is accepted for another order": {
			func(o *orders) { o.calls[4].End.Type = history.OK },
			[]Rule{KeyReused},
		},
	} {
		o := orders{
			[]history.Call{
				call(1, history.Never, history.Entry{Kind: history.Order, Key: "k"}, unknown),
				order(2, 3, history.Order, "k", "1"),
				order(4, 5, history.Order, "k", "1"),
				call(6, history.Never, history.Entry{Kind: history.Order, Key: "never"}, unknown),
				call(7, 8, history.Entry{Kind: history.Reuse, Key: "k"},
					func(e *history.Entry) { e.Type = history.Fail }),
			},
			[]PlacedOrder{{"k", "1"}, {"never", "2"}},
		}
		test.plant(&o)
		found := CheckOrders(history.History{Calls: o.calls}, o.placed)
		if got := rules(found); !slices.Equal(got, test.want) {
			t.Errorf("%s: violations %v, want of %q", name, found, test.want)
		}
	}
}
