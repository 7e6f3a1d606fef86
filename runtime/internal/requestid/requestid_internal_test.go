package requestid

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"
)

func TestIncomingRequestID(t *testing.T) {
	for name, test := range map[string]struct {
		sent []string
		kept bool
	}{
		"none":           {nil, false},
		"empty":          {[]string{""}, false},
		"plain":          {[]string{"a-1_~!"}, true},
		"longest":        {[]string{strings.Repeat("x", 128)}, true},
		"too long":       {[]string{strings.Repeat("x", 129)}, false},
		"with a space":   {[]string{"a b"}, false},
		"with a newline": {[]string{"a\nlevel=ERROR"}, false},
		"not ASCII":      {[]string{"é"}, false},
		"DEL":            {[]string{"a\x7f"}, false},
		"twice":          {[]string{"a", "b"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := metadata.NewIncomingContext(context.Background(), metadata.MD{"x-request-id": test.sent})
			id := new(ID).In(ctx)
			if test.kept != (len(test.sent) == 1 && id == test.sent[0]) {
				t.Errorf("sent %q, got %q; kept should be %v", test.sent, id, test.kept)
			}
			if !test.kept && len(id) != 32 {
				t.Errorf("made id %q has %d characters, want 32", id, len(id))
			}
		})
	}
}

func TestMadeRequestIDsDiffer(t *testing.T) {
	var a, b ID
	ctx := context.Background()
	if first := a.In(ctx); first == b.In(ctx) || first != a.In(ctx) {
		t.Errorf("two calls got the id %s, or one call two", first)
	}
}

func FuzzRequestID(f *testing.F) {
	f.Add("abc")
	f.Add("a\r\nx: y")
	f.Fuzz(func(t *testing.T, sent string) {
		id := new(ID).In(metadata.NewIncomingContext(context.Background(), metadata.MD{"x-request-id": {sent}}))
		if len(id) == 0 || len(id) > maxRequestID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("sent %q became the id %q", sent, id)
		}
	})
}
