//go:build linux

package chaos

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/internal/chaos/history"
	"github.com/grpcservice/grpcservice/internal/chaos/judge"
	chaosv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/chaos/v1"
)

// buyers are clients that place orders with keys, and retry until they have an answer.
type buyers struct {
	*cluster
	gate *gate
}

// run places as many orders as the gate has, while f runs.
func (b *buyers) run(clients int, f func()) {
	var work sync.WaitGroup
	for i := range clients {
		work.Go(func() { b.buyer(fmt.Sprintf("buyer%d", i)) })
	}
	f()
	work.Wait()
	if done, total := b.gate.progress(); done < total {
		b.t.Errorf("in time, buyers had answers to %d of %d orders", done, total)
	}
}

func (b *buyers) buyer(name string) {
	for {
		item, ok := b.gate.take(b.ctx)
		if !ok {
			return
		}
		order := history.Entry{Client: name, Kind: history.Order, Key: fmt.Sprintf("order%d", item),
			Count: int64(1 + item%9)}
		if !b.place(order) {
			return
		}
		if item%3 == 0 { // a caller that has forgotten the answer
			b.place(order)
		}
		if item%10 == 0 {
			b.reuse(order)
		}
		b.gate.finish()
	}
}

// place places an order until a replica has answered.
func (b *buyers) place(order history.Entry) bool {
	for b.ctx.Err() == nil {
		e := b.history.Invoke(order)
		answer, err := b.call(e)
		if err != nil {
			b.unknown(e, err)
			continue
		}
		e.Type, e.Answer = history.OK, answerOfOrder(answer.GetNumber(), answer.GetQuantity())
		b.history.End(e)
		return true
	}
	return false
}

// reuse places another order with the key, which must be refused.
func (b *buyers) reuse(order history.Entry) {
	order.Kind, order.Count = history.Reuse, order.Count+1
	for b.ctx.Err() == nil {
		e := b.history.Invoke(order)
		answer, err := b.call(e)
		switch status.Code(err) {
		case codes.OK:
			e.Type, e.Answer = history.OK, answerOfOrder(answer.GetNumber(), answer.GetQuantity())
		case codes.InvalidArgument:
			e.Type, e.Error = history.Fail, err.Error()
		default:
			b.unknown(e, err)
			continue
		}
		b.history.End(e)
		return
	}
}

func (b *buyers) call(e history.Entry) (*chaosv1.Order, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return b.any().service.PlaceOrder(ctx, &chaosv1.OrderRequest{RequestId: e.Key,
		Quantity: int32(e.Count)})
}

func answerOfOrder(number int64, quantity int32) string {
	return fmt.Sprintf("order %d of %d", number, quantity)
}

// placed returns the orders in the database.
func (b *buyers) placed() []judge.PlacedOrder {
	return rows(b.cluster, `SELECT key, number, quantity FROM chaos.orders ORDER BY number`,
		func(row pgx.CollectableRow) (o judge.PlacedOrder, err error) {
			var number int64
			var quantity int32
			err = row.Scan(&o.Key, &number, &quantity)
			o.Answer = answerOfOrder(number, quantity)
			return o, err
		})
}

// TestOrders places orders with keys on replicas that are killed, stopped and cut off.
func TestOrders(t *testing.T) {
	total, most := 1_500, 20*time.Minute
	plan := append(several(6, kill), killTwo, stop, cut, hole, killDatabase, clockForward)
	if long() {
		total, most = 20_000, 60*time.Minute
		plan = slices.Concat(several(80, kill), several(10, killTwo), several(8, stop),
			several(15, cut), several(8, hole), several(8, killDatabase),
			several(4, clockForward), several(4, clockBack), several(3, diskFull))
	}
	c := start(t, options{most: most})
	b := &buyers{c, newGate(total)}
	began := time.Now()
	b.run(1_000, func() { c.breakAll(plan, b.gate) })
	h := c.judged()
	c.report(judge.CheckOrders(h, b.placed()))
	unanswered := 0
	for _, call := range h.Calls {
		if call.End.Type == history.Unknown {
			unanswered++
		}
	}
	t.Logf("%d orders in %v: %d calls, %d without an answer; %s", total,
		time.Since(began).Round(time.Second), len(h.Calls), unanswered, c.broken())
	if unanswered == 0 {
		t.Error("each call was answered: the faults had no effect")
	}
}

// TestBrokenKeys runs replicas whose store forgets keys, and expects that this is noticed.
func TestBrokenKeys(t *testing.T) {
	c := start(t, options{broken: "keys", most: 15 * time.Minute})
	b := &buyers{c, newGate(30)}
	b.run(10, func() { c.breakAll(nil, b.gate) })
	c.noticed(judge.CheckOrders(c.judged(), b.placed()), judge.OrderTwice, judge.OrderDiffers)
}
