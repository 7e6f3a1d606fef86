//go:build linux

package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/grpcservice/grpcservice/internal/chaos/history"
	"github.com/grpcservice/grpcservice/internal/chaos/judge"
	chaosv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/chaos/v1"
)

// operations are clients that start operations and wait for them.
type operations struct {
	*cluster
	gate     *gate
	accounts int // conflict keys
}

// run starts as many operations as the gate has, many at a time, while f runs.
func (o *operations) run(clients int, f func()) {
	var work sync.WaitGroup
	for i := range clients {
		work.Go(func() { o.client(fmt.Sprintf("client%d", i)) })
	}
	f()
	work.Wait()
	if done, total := o.gate.progress(); done < total {
		o.t.Errorf("in time, clients saw %d of %d operations end", done, total)
	}
}

// client starts operations until there are enough.
func (o *operations) client(name string) {
	for {
		item, ok := o.gate.take(o.ctx)
		if !ok {
			return
		}
		call := history.Entry{Client: name, Kind: history.Start, Key: fmt.Sprintf("key%d", item),
			Count: int64(1 + item%5)}
		started := o.start(call, o.account(item))
		if started != "" && o.await(name, started) {
			o.gate.finish()
		}
	}
}

// account returns the conflict key of an item: some operations have one.
func (o *operations) account(item int) string {
	if item%4 != 0 {
		return ""
	}
	return fmt.Sprintf("account%d", item/4%o.accounts)
}

// start starts an operation, and retries with its key until a replica has answered.
func (o *operations) start(call history.Entry, account string) (name string) {
	req := &chaosv1.RunRequest{RequestId: call.Key, Steps: int32(call.Count), Account: account}
	for o.ctx.Err() == nil {
		e := o.history.Invoke(call)
		ctx, cancel := context.WithTimeout(o.ctx, patience)
		op, err := o.any().service.Run(ctx, req)
		cancel()
		if err == nil {
			e.Type, e.Name = history.OK, op.GetName()
			o.history.End(e)
			return op.GetName()
		}
		o.unknown(e, err)
	}
	return ""
}

// unknown records that a call has failed, and pauses.
func (c *cluster) unknown(e history.Entry, err error) {
	e.Type, e.Error = history.Unknown, err.Error()
	c.history.End(e)
	c.sleep(50*time.Millisecond + rand.N(100*time.Millisecond))
}

// await reads an operation on any replica until it is done, and once more.
func (o *operations) await(client, name string) bool {
	for after := 0; o.ctx.Err() == nil; {
		e := o.history.Invoke(history.Entry{Client: client, Kind: history.Read, Name: name})
		ctx, cancel := context.WithTimeout(o.ctx, patience)
		op, err := o.any().operations.Wait(ctx, name, patience/5)
		cancel()
		if err == nil {
			err = learn(&e, op)
		}
		if err != nil {
			o.unknown(e, err)
			continue
		}
		o.history.End(e)
		if e.Done {
			if after++; after == 2 {
				return true
			}
		}
	}
	return false
}

// learn records what an operation tells a client.
func learn(e *history.Entry, op *longrunningpb.Operation) error {
	progress := &chaosv1.RunProgress{}
	if err := op.GetMetadata().UnmarshalTo(progress); err != nil {
		return err
	}
	e.Type, e.Done, e.Progress = history.OK, op.GetDone(), int64(progress.GetDone())
	switch {
	case op.GetResponse() != nil:
		e.Answer = answerOf(op.GetResponse().GetTypeUrl(), op.GetResponse().GetValue())
	case op.GetError() != nil:
		e.Answer = op.GetError().GetMessage()
	}
	return nil
}

// answerOf returns a response as text.
func answerOf(typeURL string, encoded []byte) string {
	return fmt.Sprintf("%s %x", typeURL,
		encoded)
}

// read returns what the database has of operations.
func (o *operations) read() (db judge.Operations) {
	db.Stored = rows(o.cluster,
		`SELECT name, idempotency_key, conflict_key, done_time IS NOT NULL, response, status
			FROM grpcservice.operations`,
		func(row pgx.CollectableRow) (op judge.Operation, err error) {
			var response, status []byte
			if err := row.Scan(&op.Name, &op.Key, &op.Conflict, &op.Done, &response,
				&status); err != nil {
				return op, err
			}
			packed, failure := &anypb.Any{}, &spb.Status{}
			if err := proto.Unmarshal(response, packed); err != nil {
				return op, err
			}
			if status != nil {
				op.Failure = "its status cannot be decoded"
				if proto.Unmarshal(status, failure) == nil {
					op.Failure = failure.String()
				}
			} else if op.Done {
				op.Result = answerOf(packed.GetTypeUrl(), packed.GetValue())
			}
			return op, nil
		})
	db.Effects = rows(o.cluster,
		`SELECT id, operation, step, fence, writer FROM chaos.effects ORDER BY id`,
		pgx.RowToStructByPos[judge.Effect])
	db.Changes = rows(o.cluster, `SELECT id, operation, writer, worker,
		old_fence, old_done, old_result, old_checkpoint, new_fence, new_done, new_result, new_checkpoint
		FROM chaos.changes ORDER BY id`,
		func(row pgx.CollectableRow) (c judge.Change, err error) {
			err = row.Scan(&c.ID, &c.Operation, &c.Writer, &c.Worker,
				&c.Old.Fence, &c.Old.Done, &c.Old.Result, &c.Old.Checkpoint,
				&c.New.Fence, &c.New.Done, &c.New.Result, &c.New.Checkpoint)
			return c, err
		})
	for i := range replicas {
		db.Stale = append(db.Stale, o.stale(i)...)
	}
	return db
}

// rows returns the rows of a query.
func rows[T any](c *cluster, sql string, scan pgx.RowToFunc[T]) []T {
	c.t.Helper()
	found, err := c.pool.Query(c.t.Context(), sql)
	c.must(err)
	all, err := pgx.CollectRows(found, scan)
	c.must(err)
	return all
}

// stale returns the stale writes of a replica.
func (c *cluster) stale(i int) (writes []judge.StaleWrite) {
	file, err := os.Open(c.staleLog(i))
	c.must(err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var w judge.StaleWrite
		c.must(json.Unmarshal(lines.Bytes(), &w))
		writes = append(writes, w)
	}
	return writes
}

// judged returns the history, which is complete.
func (c *cluster) judged() history.History {
	c.t.Helper()
	c.must(c.history.Close())
	h, err := history.ReadFile(c.historyFile())
	c.must(err)
	return h
}

// report fails the test for each violation, up to some.
func (c *cluster) report(found []judge.Violation) {
	c.t.Helper()
	for i, v := range found {
		if i == 20 {
			c.t.Errorf("and %d more", len(found)-i)
			break
		}
		c.t.Error(v)
	}
	if len(found) > 0 {
		c.t.Logf("the history is %s", c.historyFile())
	}
}

// TestOperations starts operations on replicas that are killed, stopped and cut off.
func TestOperations(t *testing.T) {
	total, most := 400, 20*time.Minute
	plan := append(several(7, kill), killTwo, stop, drain, cut, hole, killDatabase, clockForward,
		clockBack, diskFull)
	if long() {
		total, most = 10_000, 90*time.Minute
		plan = slices.Concat(several(80, kill), several(10, killTwo), several(12, stop),
			several(8, drain), several(15, cut), several(12, hole), several(10, killDatabase),
			several(5, clockForward), several(5, clockBack), several(4, diskFull))
	}
	c := start(t, options{stalls: 0.06, late: 0.1, most: most})
	o := &operations{cluster: c, gate: newGate(total), accounts: 10}
	began := time.Now()
	o.run(40, func() { c.breakAll(plan, o.gate) })
	h, db := c.judged(), o.read()
	c.report(judge.CheckOperations(h, db))
	figures := judge.FiguresOf(h, db)
	t.Logf("%d operations in %v: %+v; %s", total, time.Since(began).Round(time.Second), figures,
		c.broken())
	if figures.Claims <= total || len(figures.Refused) == 0 {
		t.Errorf("%d claims of %d operations, and stale writes were refused %v: no fault had an effect",
			figures.Claims, total, figures.Refused)
	}
}

// TestBrokenFence runs replicas whose store ignores fences, and expects that this is noticed.
func TestBrokenFence(t *testing.T) {
	c := start(t, options{stalls: 0.3, broken: "fence", most: 15 * time.Minute})
	o := &operations{cluster: c, gate: newGate(60), accounts: 10}
	o.run(20, func() { c.breakAll([]fault{kill}, o.gate) })
	c.noticed(judge.CheckOperations(c.judged(), o.read()), judge.StaleAccepted, judge.WriterStale)
}

// TestBrokenSaves runs replicas whose store ignores the numbers of saves, and expects that this is
// noticed.
func TestBrokenSaves(t *testing.T) {
	c := start(t, options{late: 0.5, broken: "saves", most: 15 * time.Minute})
	o := &operations{cluster: c, gate: newGate(60), accounts: 10}
	o.run(20, func() { c.breakAll([]fault{kill}, o.gate) })
	c.noticed(judge.CheckOperations(c.judged(), o.read()), judge.CheckpointBack)
}

// noticed fails the test unless violations of all rules were found.
func (c *cluster) noticed(found []judge.Violation, want ...judge.Rule) {
	c.t.Helper()
	count := map[judge.Rule]int{}
	for _, v := range found {
		count[v.Rule]++
	}
	c.t.Logf("violations: %v", count)
	for _, rule := range want {
		if count[rule] == 0 {
			c.t.Errorf("a broken store was not noticed: there is no violation of %q", rule)
		}
	}
}
