package hub_test

import (
	"context"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
)

// call records the messages that are sent in encoded form.
type call struct {
	context.Context
	next []*encoded.Variants
}

func (c *call) Value(key any) any {
	if key == (callctx.Key{}) {
		return c
	}
	return c.Context.Value(key)
}

// SendNext is called by encoded.Next.
func (c *call) SendNext(v *encoded.Variants) { c.next = append(c.next, v) }

// TestMessagesAreEncodedOnce checks that members share the encoded form.
func TestMessagesAreEncodedOnce(t *testing.T) {
	for _, members := range []int{1, 2, 3, 10} {
		h := hub.New[message](hub.WithGap(gap), hub.WithSlow(hub.DropNewest), hub.WithQueue(1))
		var all []*hub.Member[message]
		for range members {
			all = append(all, join(t, h, "x"))
		}
		publish(t, h, "x", 1, 2)
		var shared *encoded.Variants
		for _, m := range all {
			c := &call{Context: t.Context()}
			for msg, err := range m.Messages(c) {
				if err != nil {
					t.Fatal(err)
				}
				if msg.GetCount() < 0 { // the mark of the loss, which is not shared
					break
				}
				if len(c.next) != 1 || !c.next[0].Of(msg) || shared != nil && shared != c.next[0] {
					t.Errorf("%d members: a member has an encoded form of its own", members)
				}
				shared = c.next[0]
			}
			if len(c.next) != 1 {
				t.Errorf("%d members: %d messages are shared, want 1", members, len(c.next))
			}
		}
	}
}
