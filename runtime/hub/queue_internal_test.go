package hub

import (
	"math/rand/v2"
	"testing"
)

type number struct{ n int }

func envelopes(n int) []*envelope[number] {
	all := make([]*envelope[number], n)
	for i := range all {
		all[i] = &envelope[number]{msg: &number{i}}
	}
	return all
}

// TestQueueIsARing compares random operations with a slice.
func TestQueueIsARing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var q queue[number]
	var model []entry[number]
	lost := 0
	for i, env := range envelopes(20_000) {
		switch op := random.IntN(10); {
		case op < 4+i/5000%2: // the queue grows, then shrinks
			size := int64(i%7 + 1)
			q.put(env, size)
			model, lost = append(model, entry[number]{env, size, lost}), 0
		case op == 6 && len(model) > 0:
			if got := q.drop(); got != model[0].env {
				t.Fatalf("operation %d dropped %v", i, got)
			}
			if n := model[0].lost + 1; len(model) > 1 {
				model[1].lost += n
			} else {
				lost += n
			}
			model = model[1:]
		case op == 7:
			q.lost++
			lost++
		default:
			got, ok := q.take()
			want := entry[number]{lost: lost}
			if len(model) > 0 {
				want, model = model[0], model[1:]
			} else {
				lost = 0
			}
			if got != want || ok != (want != entry[number]{}) {
				t.Fatalf("operation %d took %v, want %v", i, got, want)
			}
		}
		var bytes int64
		for _, e := range model {
			bytes += e.size
		}
		if q.len != len(model) || q.bytes != bytes {
			t.Fatalf("after operation %d: %d messages of %d bytes, want %d of %d",
				i, q.len, q.bytes, len(model), bytes)
		}
	}
}

func TestQueueForgetsABurst(t *testing.T) {
	var q queue[number]
	if q.ring != nil {
		t.Error("an empty queue has a ring")
	}
	all := envelopes(100)
	for _, env := range all {
		q.put(env, 1)
	}
	for range all {
		q.take()
	}
	for range 10 {
		q.put(all[0], 1)
		q.take()
	}
	if len(q.ring) != smallest {
		t.Errorf("the ring has %d entries after a burst of 100, want %d", len(q.ring), smallest)
	}
}

func TestQueueReplacesByKey(t *testing.T) {
	var q queue[number]
	all := envelopes(40)
	for i, env := range all {
		env.key = i % 5
		if had := q.same(env); had != nil {
			q.replace(had, env, int64(i))
		} else {
			q.put(env, 1)
		}
		if i%3 == 0 {
			first, _ := q.take()
			if first.env.key != (i/3)%5 {
				t.Fatalf("took the key %v after message %d", first.env.key, i)
			}
		}
	}
	if q.len > 5 || len(q.at) != q.len {
		t.Errorf("%d messages and %d keys wait", q.len, len(q.at))
	}
	for q.len > 0 {
		if first, _ := q.take(); first.env.msg.n < 35-3 {
			t.Errorf("message %d was not replaced", first.env.msg.n)
		}
	}
	if len(q.at) != 0 || q.bytes != 0 {
		t.Errorf("an empty queue has %d keys and %d bytes", len(q.at), q.bytes)
	}
}
