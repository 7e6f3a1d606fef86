// Package history records what clients call and what they learn, one JSON object per line.
//
// A line is written before a call is sent, and another one when it has returned. So if the last
// line of one call precedes the first line of another one, the calls happened in that order.
package history

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync"
)

// Type is what a line records.
type Type string

const (
	// Invoke is a call that is about to be sent.
	Invoke Type = "invoke"
	// OK is a call that returned a response.
	OK Type = "ok"
	// Fail is a call that certainly had no effect.
	Fail Type = "fail"
	// Unknown is a call that may have had its effect, or may still have it.
	Unknown Type = "unknown"
)

// Kind is the kind of a call.
type Kind string

const (
	Start   Kind = "start"   // starts an operation with Key; Count is its number of steps
	Read    Kind = "read"    // reads the operation Name
	Order   Kind = "order"   // places the order Key of Count pieces
	Reuse   Kind = "reuse"   // places another order with a Key that was used
	Publish Kind = "publish" // appends the event Count of the publisher Key to the log Name
	Receive Kind = "receive" // a subscriber of the log Name received that event; it has no Invoke
	Lost    Kind = "lost"    // a subscriber of the log Name was told that it lost events
)

// Entry is a line of a history. The fields that a kind does not need are zero.
type Entry struct {
	Line   int    `json:"-"` // its number in the history, from 1
	Type   Type   `json:"type"`
	Call   int64  `json:"call"` // unique in the history
	Client string `json:"client"`
	Kind   Kind   `json:"kind"`

	Key   string `json:"key,omitempty"`
	Name  string `json:"name,omitempty"`
	Count int64  `json:"count,omitempty"`

	// What the client learned: whether the operation is done, how many of its steps are, and the
	// response.
	Done     bool   `json:"done,omitempty"`
	Progress int64  `json:"progress,omitempty"`
	Answer   string `json:"answer,omitempty"`
	Error    string `json:"error,omitempty"`
}

// Call is a call of a history: its first and its last line.
type Call struct {
	Entry
	// End is the last line. If there is none, its Type is Unknown and its Line is after all
	// others.
	End Entry
}

// Never is the line of the end of a call that never returned.
const Never = math.MaxInt

// Recorder writes a history. It is safe for concurrent use.
type Recorder struct {
	mu    sync.Mutex
	calls int64
	file  *os.File
	out   *bufio.Writer
	err   error
}

// Create returns a recorder that writes to a new file.
func Create(path string) (*Recorder, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &Recorder{file: file, out: bufio.NewWriter(file)}, nil
}

// Invoke records that a call is about to be sent, and returns it with its number.
func (r *Recorder) Invoke(e Entry) Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	e.Call, e.Type = r.calls, Invoke
	r.write(e)
	return e
}

// End records the end of a call: e with the type and what the client learned.
func (r *Recorder) End(e Entry) { r.write1(e) }

// Event records what a subscriber received.
func (r *Recorder) Event(e Entry) {
	e.Type = OK
	r.write1(e)
}

func (r *Recorder) write1(e Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.write(e)
}

// write writes a line. r.mu is held.
func (r *Recorder) write(e Entry) {
	line, err := json.Marshal(e)
	if err == nil {
		_, err = r.out.Write(append(line, '\n'))
	}
	r.err = cmp.Or(r.err, err)
}

// Close completes the file. It returns the first error of the recorder.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.err, r.out.Flush(), r.file.Close())
}

// History is a history that was read.
type History struct {
	// Calls are in the order of their first lines.
	Calls []Call
	// Events are what subscribers received, in that order.
	Events []Entry
}

// Of returns the calls of a kind.
func (h History) Of(kinds ...Kind) (calls []Call) {
	for _, c := range h.Calls {
		if slices.Contains(kinds, c.Kind) {
			calls = append(calls, c)
		}
	}
	return calls
}

// ReadFile reads a history from a file.
func ReadFile(path string) (History, error) {
	file, err := os.Open(path)
	if err != nil {
		return History{}, err
	}
	defer file.Close()
	return read(path, file)
}

func read(path string, from io.Reader) (h History, err error) {
	open := map[int64]int{} // indexes of Calls
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return h, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		e.Line = number
		if err := h.add(e, open); err != nil {
			return h, fmt.Errorf("%s:%d: %w", path, number, err)
		}
	}
	return h, lines.Err()
}

// add adds a line. open has the calls that have not returned.
func (h *History) add(e Entry, open map[int64]int) error {
	switch at, isOpen := open[e.Call]; {
	case e.Kind == Receive || e.Kind == Lost:
		h.Events = append(h.Events, e)
	case e.Type == Invoke:
		open[e.Call] = len(h.Calls)
		h.Calls = append(h.Calls, Call{Entry: e, End: Entry{Line: Never, Type: Unknown}})
	case !isOpen:
		return fmt.Errorf("call %d returns, but was not invoked, or has returned", e.Call)
	default:
		h.Calls[at].End = e
		delete(open, e.Call)
	}
	return nil
}
