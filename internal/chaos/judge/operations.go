package judge

import (
	"cmp"
	"maps"
	"slices"

	"github.com/grpcservice/grpcservice/internal/chaos/history"
)

// Rules of operations.
const (
	// OperationLost is that an operation that a client started is gone, has not ended, or has
	// failed.
	OperationLost Rule = "operation lost"
	// OperationTwice is that one key started several operations.
	OperationTwice Rule = "operation started twice"
	// OperationUnexpected is that no client started an operation.
	OperationUnexpected Rule = "operation unexpected"
	// AnswerDiffers is that a client saw another result than the database has.
	AnswerDiffers Rule = "answer differs"
	// ReadBack is that a client saw an earlier state than another client before.
	ReadBack Rule = "read went back"
	// EffectCount is that a step has no effect, or several.
	EffectCount Rule = "effects"
	// EffectStale is that a worker with an older fence had an effect after one with a newer fence.
	EffectStale Rule = "effect of a stale worker"
	// FenceReused is that a claim did not get the next fence.
	FenceReused Rule = "fence"
	// WriterStale is that a process changed an operation that another one had claimed.
	WriterStale Rule = "write of a stale worker"
	// EndedTwice is that an operation that was done changed.
	EndedTwice Rule = "completed twice"
	// CheckpointBack is that a checkpoint was replaced by an earlier one.
	CheckpointBack Rule = "checkpoint went back"
	// Concurrent is that two operations of one conflict key ran at the same time.
	Concurrent Rule = "concurrent operations"
	// StaleAccepted is that the store accepted what a worker wrote after another one had claimed
	// its operation.
	StaleAccepted Rule = "stale write accepted"
)

// Operations is what the database has of operations.
type Operations struct {
	Stored  []Operation
	Changes []Change     // in the order in which they happened
	Effects []Effect     // in the order in which they happened
	Stale   []StaleWrite // from the logs of the replicas
}

// Operation is an operation that is stored in the end.
type Operation struct {
	Name, Key string
	Conflict  string // operations with the same do not run at the same time; "" for others
	Done      bool
	Result    string // as clients see it
	Failure   string // of an operation that failed
}

// State is a state of an operation in the database.
type State struct {
	Fence      int64
	Done       bool
	Result     string
	Checkpoint int64 // steps that are done
}

// Change is a change of an operation that a trigger has recorded.
type Change struct {
	ID        int64
	Operation string
	Writer    string // the process
	Worker    bool   // whether this is what workers do: neither created, cancelled nor removed
	Old, New  State
}

// Effect is an effect of a step.
type Effect struct {
	ID        int64
	Operation string
	Step      int64
	Fence     int64
	Writer    string
}

// StaleWrite is a call of the store with the fence of a claim that another claim has replaced.
type StaleWrite struct {
	Operation, Writer string
	Fence             int64
	Call              string // the method
	Refused           bool
	Outcome           string
}

// CheckOperations returns the violations of a history of operations. Each operation has as many
// steps as its start asked for.
func CheckOperations(h history.History, db Operations) []Violation {
	c := &operationsCheck{db: db, stored: map[string]Operation{}, byKey: map[string][]string{}}
	for _, op := range db.Stored {
		c.stored[op.Name] = op
		c.byKey[op.Key] = append(c.byKey[op.Key], op.Name)
	}
	c.starts(h.Of(history.Start))
	c.reads(h.Of(history.Read))
	c.effects(h.Of(history.Start))
	c.changes()
	c.conflicts()
	for _, w := range db.Stale {
		if !w.Refused {
			c.add(StaleAccepted, nil, "%s of %s with fence %d by %s: %s", w.Call, w.Operation,
				w.Fence, w.Writer, w.Outcome)
		}
	}
	return c.verdict
}

type operationsCheck struct {
	verdict
	db     Operations
	stored map[string]Operation
	byKey  map[string][]string
}

// starts compares the calls that start operations with what is stored.
func (c *operationsCheck) starts(calls []history.Call) {
	first := map[string]history.Call{} // the first answer by key
	tried := map[string]history.Call{}
	for _, call := range calls {
		tried[call.Key] = call
		if call.End.Type != history.OK {
			continue
		}
		if before, ok := first[call.Key]; !ok {
			first[call.Key] = call
			c.started(call)
		} else if before.End.Name != call.End.Name {
			c.add(OperationTwice, at(before.End.Line, call.End.Line), "key %s started %s and %s",
				call.Key, before.End.Name, call.End.Name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.byKey)) {
		names := c.byKey[key]
		if call, ok := tried[key]; !ok {
			c.add(OperationUnexpected, nil, "%s has the key %q, with which no client started one",
				names[0], key)
		} else if len(names) > 1 {
			c.add(OperationTwice, at(call.Line), "key %s has the operations %q", key, names)
		}
	}
}

// started checks an operation that a client knows to be started.
func (c *operationsCheck) started(call history.Call) {
	op, ok := c.stored[call.End.Name]
	switch {
	case !ok:
		c.add(OperationLost, at(call.End.Line), "%s is not stored", call.End.Name)
	case op.Failure != "":
		c.add(OperationLost, at(call.End.Line), "%s has failed: %s", op.Name, op.Failure)
	case !op.Done:
		c.add(OperationLost, at(call.End.Line), "%s is not done", op.Name)
	case op.Key != call.Key:
		c.add(AnswerDiffers, at(call.End.Line), "%s has the key %s, want %s", op.Name, op.Key,
			call.Key)
	}
}

// reads compares what clients saw with what is stored, and with what they saw before.
func (c *operationsCheck) reads(calls []history.Call) {
	byName := map[string][]history.Call{}
	for _, call := range calls {
		if call.End.Type == history.OK {
			byName[call.Name] = append(byName[call.Name], call)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		c.readsOf(name, byName[name])
	}
}

func (c *operationsCheck) readsOf(name string, calls []history.Call) {
	for _, call := range calls {
		if call.End.Done && call.End.Answer != c.stored[name].Result {
			c.add(AnswerDiffers, at(call.End.Line), "%s had the result %q, and has %q", name,
				call.End.Answer, c.stored[name].Result)
		}
	}
	// By their ends, so that each read is compared with those that had returned before it began.
	byEnd := func(a, b history.Call) int { return cmp.Compare(a.End.Line, b.End.Line) }
	ends := slices.SortedFunc(slices.Values(calls), byEnd)
	var seen *history.Call // the most advanced read that has returned
	next := 0
	for _, call := range calls { // by their beginnings
		for ; next < len(ends) && ends[next].End.Line < call.Line; next++ {
			if seen == nil || advance(ends[next].End) > advance(seen.End) {
				seen = &ends[next]
			}
		}
		if seen != nil && advance(call.End) < advance(seen.End) {
			c.add(ReadBack, at(seen.End.Line, call.Line, call.End.Line), "%s had %v, and then %v",
				name, stateOf(seen.End), stateOf(call.End))
		}
	}
}

// advance orders the states of an operation.
func advance(e history.Entry) int64 {
	if e.Done {
		return history.Never
	}
	return e.Progress
}

func stateOf(e history.Entry) any {
	if e.Done {
		return "ended"
	}
	return e.Progress
}

// effects checks that each step of each operation had its effect once, in order.
func (c *operationsCheck) effects(starts []history.Call) {
	byOp := map[string][]Effect{}
	for _, e := range c.db.Effects {
		byOp[e.Operation] = append(byOp[e.Operation], e)
	}
	steps := map[string]history.Call{}
	for _, call := range starts {
		steps[call.Key] = call
	}
	for _, op := range c.db.Stored {
		call, ok := steps[op.Key]
		if !ok {
			continue // it is unexpected
		}
		c.effectsOf(op, call, byOp[op.Name])
		delete(byOp, op.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(byOp)) {
		if _, ok := c.stored[name]; !ok {
			c.add(EffectCount, nil, "%s is not stored, and has %d effects", name, len(byOp[name]))
		}
	}
}

func (c *operationsCheck) effectsOf(op Operation, start history.Call, effects []Effect) {
	count := map[int64]int{}
	fence := int64(0)
	for _, e := range effects {
		count[e.Step]++
		if e.Fence < fence {
			c.add(EffectStale, at(start.Line), "step %d of %s by %s with fence %d, after fence %d",
				e.Step, op.Name, e.Writer, e.Fence, fence)
		}
		fence = max(fence, e.Fence)
	}
	for step := range start.Count {
		if n := count[step]; n > 1 || n == 0 && op.Done {
			c.add(EffectCount, at(start.Line), "step %d of %s had %d effects: %+v", step, op.Name,
				n, effects)
		}
		delete(count, step)
	}
	for step := range count {
		c.add(EffectCount, at(start.Line), "%s of %d steps had an effect of step %d", op.Name,
			start.Count, step)
	}
}

// changes checks the history of each operation in the database.
func (c *operationsCheck) changes() {
	owners := map[string]string{} // by operation, of its newest fence
	for _, change := range c.db.Changes {
		old, now, name := change.Old, change.New, change.Operation
		switch {
		case now.Fence < old.Fence, now.Fence > old.Fence+1:
			c.add(FenceReused, nil, "change %d of %s by %s: fence %d after %d", change.ID, name,
				change.Writer, now.Fence, old.Fence)
		case now.Fence > old.Fence:
			owners[name] = change.Writer
		case change.Worker && owners[name] != change.Writer:
			c.add(WriterStale, nil, "change %d of %s by %s, when %s had fence %d: from %+v to %+v",
				change.ID, name, change.Writer, owners[name], now.Fence, old, now)
		}
		if old.Done && (!now.Done || old.Result != now.Result) {
			c.add(EndedTwice, nil, "change %d of %s by %s: from %+v to %+v", change.ID, name,
				change.Writer, old, now)
		}
		if now.Checkpoint < old.Checkpoint && !now.Done { // an operation that is done keeps none
			c.add(CheckpointBack, nil, "change %d of %s by %s: %d after %d", change.ID, name,
				change.Writer, now.Checkpoint, old.Checkpoint)
		}
	}
}

// conflicts checks that operations of one conflict key had their effects one after the other.
func (c *operationsCheck) conflicts() {
	running, ended := map[string]string{}, map[string]bool{} // by conflict key; by operation
	for _, e := range c.db.Effects {
		key := c.stored[e.Operation].Conflict
		if key == "" || running[key] == e.Operation {
			continue
		}
		if ended[e.Operation] {
			c.add(Concurrent, nil, "%s and %s, of %s: effect %+v", running[key], e.Operation, key,
				e)
		}
		ended[running[key]] = true
		running[key] = e.Operation
	}
}

// Figures are counts of a run.
type Figures struct {
	Calls, Unanswered        int
	Claims, Changes, Effects int
	Refused                  map[string]int // stale writes, by call
}

// FiguresOf returns the counts of a run.
func FiguresOf(h history.History, db Operations) Figures {
	f := Figures{Calls: len(h.Calls), Changes: len(db.Changes), Effects: len(db.Effects),
		Refused: map[string]int{}}
	for _, call := range h.Calls {
		if call.End.Type != history.OK {
			f.Unanswered++
		}
	}
	for _, change := range db.Changes {
		if change.New.Fence > change.Old.Fence {
			f.Claims++
		}
	}
	for _, w := range db.Stale {
		if w.Refused {
			f.Refused[w.Call]++
		}
	}
	return f
}
