package web_test

import (
	"slices"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// TestEachKindOverEachProtocol calls a method of each kind over each protocol.
func TestEachKindOverEachProtocol(t *testing.T) {
	r := serve(t, echo, config{})
	want := map[string][]string{"One": {"a"}, "Many": {"a", "a"}, "Join": {"ab"}, "Chat": {"a", "b"}}
	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) {
			client := r.clientOf(t, p)
			for kind, call := range kinds {
				if kind == "Chat" && !p.two {
					continue
				}
				got, err := call(echotest.Context(t), client)
				if err != nil || !slices.Equal(got, want[kind]) {
					t.Errorf("%s: %q, %v", kind, got, err)
				}
			}
		})
	}
}
