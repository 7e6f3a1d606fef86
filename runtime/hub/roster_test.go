package hub_test

import (
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/hub/rostertest"
)

func TestMemoryRoster(t *testing.T) {
	rostertest.Run(t, func(*testing.T) rostertest.Rosters {
		r := new(hub.MemoryRoster)
		return rostertest.Rosters{One: r, Other: r}
	})
}

// dying is a roster whose replicas a test lets die.
type dying struct {
	hub.MemoryRoster
	expired func(room string, m hub.Listed)
}

func (d *dying) Notify(expired func(room string, m hub.Listed)) { d.expired = expired }

func names(listed []hub.Listed) string {
	var all []string
	for _, l := range listed {
		all = append(all, l.Name)
	}
	return strings.Join(all, " ")
}

func TestHubsListTheMembersOfAll(t *testing.T) {
	roster := new(hub.MemoryRoster)
	one, other := hub.New[message](hub.WithRoster(roster)), hub.New[message](hub.WithRoster(roster))
	alone := hub.New[message]()
	var leaving *hub.Member[message]
	for _, join := range []struct {
		h    *hub.Hub[message]
		name string
	}{{one, "a"}, {other, "b"}, {one, "c"}, {alone, "d"}, {alone, "e"}} {
		m, err := join.h.Join(t.Context(), "r", hub.WithMemberName(join.name))
		if err != nil {
			t.Fatal(err)
		}
		if join.name == "b" {
			leaving = m
		}
		time.Sleep(time.Millisecond) // the clock may be coarse
	}
	for _, h := range []*hub.Hub[message]{one, other} {
		if got := names(h.Listed("r")); got != "a b c" {
			t.Errorf("listed are %q", got)
		}
	}
	if got := names(alone.Listed("r")); got != "d e" {
		t.Errorf("a hub without a roster lists %q", got)
	}
	leaving.Leave(t.Context())
	if got := names(one.Listed("r")); got != "a c" {
		t.Errorf("listed are %q after b has left", got)
	}
	for _, m := range one.Members("r") {
		m.Disconnect(nil)
	}
	if got := names(other.Listed("r")); got != "" {
		t.Errorf("listed are %q after all have left", got)
	}
}

// TestSlowMembersAreNotListed overruns the queue of a member.
func TestSlowMembersAreNotListed(t *testing.T) {
	h := hub.New[message](hub.WithRoster(new(hub.MemoryRoster)), hub.WithQueue(1))
	if _, err := h.Join(t.Context(), "r", hub.WithMemberName(strings.Repeat("ä", 200))); err != nil {
		t.Fatal(err)
	}
	if got := h.Listed("r"); len(got) != 1 || got[0].Name != strings.Repeat("ä", 128) {
		t.Fatalf("listed are %v", got)
	}
	for i := range int32(2) {
		if err := h.Publish(t.Context(), "r", numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.Listed("r"); len(got) != 0 {
		t.Fatalf("listed are %v after the member was disconnected", got)
	}
}

func TestMembersOfADeadReplicaAreNoticed(t *testing.T) {
	roster := new(dying)
	var absent *hub.Member[message]
	h := hub.New[message](hub.WithRoster(roster), hub.WithPresence(
		func(m *hub.Member[message], event hub.Presence) *message {
			if event == hub.Joined {
				return nil
			}
			if m.Name() == "panics" {
				panic("a test")
			}
			absent = m
			return numbered(int32(len(m.Room() + m.Name())))
		}))
	m, err := h.Join(t.Context(), "r", hub.WithMemberName("here"))
	if err != nil {
		t.Fatal(err)
	}
	roster.expired("other", hub.Listed{Name: "gone"})
	roster.expired("r", hub.Listed{Name: "panics"})
	roster.expired("r", hub.Listed{Name: "gone", ID: 7})
	for msg, err := range m.Messages(t.Context()) {
		if err != nil || msg.GetCount() != int32(len("rgone")) {
			t.Fatalf("received %v, %v", msg, err)
		}
		break
	}
	if err := absent.Send(t.Context(), numbered(1)); err != hub.ErrLeft {
		t.Errorf("Send to a member of another replica returned %v", err)
	}
	absent.Leave(t.Context())
	absent.Disconnect(nil)
	if absent.Principal() != nil || len(h.Members("r")) != 1 {
		t.Errorf("the principal is %v, and %d members are left", absent.Principal(), len(h.Members("r")))
	}
}
