package history

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRecordAndRead records calls that return, fail, or never return, and reads them.
func TestRecordAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	r, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	first := r.Invoke(Entry{Client: "a", Kind: Start, Key: "k", Count: 3})
	second := r.Invoke(Entry{Client: "b", Kind: Order, Key: "o"})
	first.Type, first.Name = OK, "operations/1"
	r.End(first)
	r.Event(Entry{Client: "s", Kind: Receive, Key: "p", Count: 7})
	r.Invoke(Entry{Client: "b", Kind: Read, Name: "operations/1"})
	second.Type = Fail
	r.End(second)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	h, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Calls) != 3 || len(h.Events) != 1 || len(h.Of(Order, Read)) != 2 {
		t.Fatalf("read %+v", h)
	}
	for i, want := range []struct {
		line, end int
		ended     Type
	}{{1, 3, OK}, {2, 6, Fail}, {5, Never, Unknown}} {
		if c := h.Calls[i]; c.Line != want.line || c.End.Line != want.end ||
			c.End.Type != want.ended {
			t.Errorf("call %d is %+v, want lines %d and %d, %s", i, c, want.line, want.end,
				want.ended)
		}
	}
	if c := h.Calls[0]; c.Key != "k" || c.End.Name != "operations/1" {
		t.Errorf("the first call is %+v", c)
	}
}

func TestBadHistories(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":                    "invoke",
		"an end without a beginning": `{"type":"ok","call":1,"kind":"start"}`,
		"a call that returns a second time": `{"type":"invoke","call":1}
			{"type":"ok","call":1}
			{"type":"ok","call":1}`,
	} {
		if h, err := read("history", strings.NewReader(text)); err == nil {
			t.Errorf("%s: read %+v, want an error", name, h)
		}
	}
}
