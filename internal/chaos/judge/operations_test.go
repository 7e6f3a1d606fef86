package judge

import (
	"slices"
	"testing"

	"github.com/grpcservice/grpcservice/internal/chaos/history"
)

// call returns a call whose lines are from and to.
func call(from, to int, e history.Entry, end func(*history.Entry)) history.Call {
	e.Line, e.Type = from, history.Invoke
	c := history.Call{Entry: e, End: e}
	c.End.Line, c.End.Type = to, history.OK
	end(&c.End)
	return c
}

// unknown is the end of a call that returned no response.
func unknown(e *history.Entry) { e.Type = history.Unknown }

// start starts an operation of two steps.
func start(from, to int, key, name string) history.Call {
	return call(from, to, history.Entry{Kind: history.Start, Key: key, Count: 2},
		func(e *history.Entry) { e.Name = name })
}

// read reads an operation with a progress, or with a result.
func read(from, to int, name string, progress int64, result string) history.Call {
	return call(from, to, history.Entry{Kind: history.Read, Name: name}, func(e *history.Entry) {
		e.Progress, e.Done, e.Answer = progress, result != "", result
	})
}

// operationsCase is a history without violations: one operation that two processes ran.
type operationsCase struct {
	history.History
	Operations
}

func goodOperations() operationsCase {
	state := func(fence, checkpoint int64, result string) State {
		return State{Fence: fence, Checkpoint: checkpoint, Done: result != "", Result: result}
	}
	return operationsCase{
		history.History{Calls: []history.Call{
			call(1, 4, history.Entry{Kind: history.Start, Key: "k", Count: 2}, unknown),
			start(5, 6, "k", "op"),
			read(7, 10, "op", 0, ""), // concurrent with the next one
			read(8, 9, "op", 1, ""),
			read(11, 12, "op", 1, ""),
			read(13, 14, "op", 2, "result"),
			read(15, 16, "op", 2, "result"),
		}},
		Operations{
			Stored: []Operation{{Name: "op", Key: "k", Done: true, Result: "result"}},
			Changes: []Change{
				{1, "op", "client", false, State{}, state(0, 0, "")},
				{2, "op", "a", true, state(0, 0, ""), state(1, 0, "")},
				{3, "op", "a", true, state(1, 0, ""), state(1, 1, "")},
				{4, "op", "b", true, state(1, 1, ""), state(2, 1, "")},
				{5, "op", "b", true, state(2, 1, ""), state(2, 2, "")},
				{6, "op", "b", true, state(2, 2, ""), state(2, 0, "result")},
			},
			Effects: []Effect{{1, "op", 0, 1, "a"}, {2, "op", 1, 2, "b"}},
			Stale: []StaleWrite{{Operation: "op", Writer: "a", Fence: 1, Call: "Save",
				Refused: true}},
		},
	}
}

// rules returns the rules of violations, each once.
func rules(found []Violation) (rules []Rule) {
	for _, v := range found {
		if !slices.Contains(rules, v.Rule) {
			rules = append(rules, v.Rule)
		}
	}
	return rules
}

func TestOperations(t *testing.T) {
	for name, test := range map[string]struct {
		plant func(*operationsCase)
		want  []Rule
	}{
		"a history without violations": {func(*operationsCase) {}, nil},
		"an operation is gone": {
			func(c *operationsCase) { c.Stored, c.Effects = nil, nil; c.Calls = c.Calls[:2] },
			[]Rule{OperationLost},
		},
		"an operation has not ended": {
			func(c *operationsCase) { c.Stored[0].Done = false; c.Calls = c.Calls[:2] },
			[]Rule{OperationLost},
		},
		"an operation has failed": {
			func(c *operationsCase) { c.Stored[0].Failure = "INTERNAL" },
			[]Rule{OperationLost},
		},
		"an operation has another key": {
			func(c *operationsCase) { c.Stored[0].Key = "other" },
			[]Rule{AnswerDiffers, OperationUnexpected},
		},
		"a key starts another operation": {
			func(c *operationsCase) {
				c.Stored = append(c.Stored, Operation{Name: "twin", Key: "k", Done: true})
				c.Effects = append(c.Effects, Effect{3, "twin", 0, 1, "a"}, Effect{4, "twin", 1, 1,
					"a"})
			},
			[]Rule{OperationTwice},
		},
		"a key is answered with two operations": {
			func(c *operationsCase) { c.Calls = append(c.Calls, start(17, 18, "k", "twin")) },
			[]Rule{OperationTwice},
		},
		"an operation that nobody started": {
			func(c *operationsCase) {
				c.Stored = append(c.Stored, Operation{Name: "ghost", Key: "ghost", Done: true})
			},
			[]Rule{OperationUnexpected},
		},
		"a client saw another result": {
			func(c *operationsCase) { c.Calls[5].End.Answer = "another" },
			[]Rule{AnswerDiffers},
		},
		"an operation that had ended runs": {
			func(c *operationsCase) { c.Calls[6].End.Done, c.Calls[6].End.Answer = false, "" },
			[]Rule{ReadBack},
		},
		"progress decreases": {
			func(c *operationsCase) { c.Calls[4].End.Progress = 0 },
			[]Rule{ReadBack},
		},
		"a step has two effects": {
			func(c *operationsCase) { c.Effects = append(c.Effects, Effect{3, "op", 1, 2, "b"}) },
			[]Rule{EffectCount},
		},
		"a step has no effect": {
			func(c *operationsCase) { c.Effects = c.Effects[:1] },
			[]Rule{EffectCount},
		},
		"a step too many": {
			func(c *operationsCase) { c.Effects = append(c.Effects, Effect{3, "op", 2, 2, "b"}) },
			[]Rule{EffectCount},
		},
		"an effect without an operation": {
			func(c *operationsCase) {
				c.Effects = append(c.Effects, Effect{3, "ghost", 0, 1,
					"b"})
			},
			[]Rule{EffectCount},
		},
		"a stale worker has an effect": {
			func(c *operationsCase) { c.Effects[0].Fence, c.Effects[1].Fence = 2, 1 },
			[]Rule{EffectStale},
		},
		"two claims have one fence": {
			func(c *operationsCase) { c.Changes[3].New.Fence = 1; c.Changes = c.Changes[:4] },
			[]Rule{WriterStale},
		},
		"a claim skips a fence": {
			func(c *operationsCase) { c.Changes[3].New.Fence = 3; c.Changes = c.Changes[:4] },
			[]Rule{FenceReused},
		},
		"a fence decreases": {
			func(c *operationsCase) { c.Changes[4].New.Fence = 1; c.Changes = c.Changes[:5] },
			[]Rule{FenceReused},
		},
		"a stale worker saves": {
			func(c *operationsCase) { c.Changes[4].Writer = "a" },
			[]Rule{WriterStale},
		},
		"a stale worker finishes": {
			func(c *operationsCase) { c.Changes[5].Writer = "a" },
			[]Rule{WriterStale},
		},
		"an operation ends twice": {
			func(c *operationsCase) {
				again := c.Changes[5]
				again.Old = again.New
				again.New.Result = "another"
				c.Changes = append(c.Changes, again)
			},
			[]Rule{EndedTwice},
		},
		"an operation that was done runs": {
			func(c *operationsCase) {
				again := c.Changes[5]
				again.Old, again.New = again.New, again.Old
				c.Changes = append(c.Changes, again)
			},
			[]Rule{EndedTwice},
		},
		"a checkpoint is replaced by an earlier one": {
			func(c *operationsCase) { c.Changes[4].New.Checkpoint = 0 },
			[]Rule{CheckpointBack},
		},
		"operations of one conflict key run at the same time": {
			func(c *operationsCase) {
				c.Stored[0].Conflict = "account"
				c.Stored = append(c.Stored, Operation{Name: "other", Key: "other",
					Conflict: "account", Done: true})
				c.Calls = append(c.Calls, start(17, 18, "other", "other"))
				c.Effects = []Effect{{1, "op", 0, 1, "a"}, {2, "other", 0, 1, "b"}, {3, "op", 1, 1,
					"a"}, {4, "other", 1, 1, "b"}}
			},
			[]Rule{Concurrent},
		},
		"operations of one conflict key run one after the other": {
			func(c *operationsCase) {
				c.Stored[0].Conflict = "account"
				c.Stored = append(c.Stored, Operation{Name: "other", Key: "other",
					Conflict: "account", Done: true})
				c.Calls = append(c.Calls, start(17, 18, "other", "other"))
				c.Effects = append(c.Effects, Effect{3, "other", 0, 1, "b"}, Effect{4, "other", 1,
					1, "b"})
			},
			nil,
		},
		"the store accepts a stale write": {
			func(c *operationsCase) { c.Stale[0].Refused = false },
			[]Rule{StaleAccepted},
		},
	} {
		c := goodOperations()
		test.plant(&c)
		found := CheckOperations(c.History, c.Operations)
		if got := rules(found); !slices.Equal(got, test.want) {
			t.Errorf("%s: violations %v, want of %q", name, found, test.want)
		}
	}
}

// TestLines tests that violations name the lines that contradict.
func TestLines(t *testing.T) {
	c := goodOperations()
	c.Calls[4].End.Progress = 0
	const want = `read went back: op had 1, and then 0 (history, lines 9, 11, 12)`
	if found := CheckOperations(c.History, c.Operations); len(found) != 1 ||
		found[0].String() != want {
		t.Errorf("violations %v, want %s", found, want)
	}
}
