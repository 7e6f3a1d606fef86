package natstest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/hub/rostertest"
	"github.com/grpcservice/grpcservice/runtime/natshub"
	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
)

// expiry is long enough for a busy machine.
const expiry = 6 * time.Second

func openRoster(t *testing.T, srv *natstest.Server, bucket string) (r *natshub.Roster, cut func()) {
	t.Helper()
	nc := srv.Connect(t)
	r, err := natshub.OpenRoster(t.Context(), jetStream(t, nc), bucket, natshub.WithExpiry(expiry))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, nc.Close
}

func TestRoster(t *testing.T) {
	srv := natstest.Start(t)
	rostertest.Run(t, func(t *testing.T) rostertest.Rosters {
		bucket := newName()
		one, cut := openRoster(t, srv, bucket)
		other, _ := openRoster(t, srv, bucket)
		return rostertest.Rosters{One: one, Other: other, Kill: cut}
	})
}

// TestARosterThatIsClosed checks that its members have left and are not taken for dead.
func TestARosterThatIsClosed(t *testing.T) {
	srv := natstest.Start(t)
	one, _ := openRoster(t, srv, "b")
	other, _ := openRoster(t, srv, "b")
	other.Notify(func(room string, m hub.Listed) { t.Errorf("%v in %q expired", m, room) })
	one.Enter("r", hub.Listed{Name: "a"})
	await(t, "the member is listed", func() bool { return len(other.Members("r")) == 1 })
	one.Close()
	one.Close()
	await(t, "the member has left", func() bool { return len(other.Members("r")) == 0 })
	keys, err := jetStream(t, srv.Connect(t)).Stream(t.Context(), "KV_b")
	if err != nil {
		t.Fatal(err)
	}
	info, err := keys.Info(t.Context(), jetstream.WithSubjectFilter("$KV.b.member.>"))
	if err != nil || len(info.State.Subjects) != 0 {
		t.Fatalf("the bucket still has %v, %v", info.State.Subjects, err)
	}
}

// TestAMemberThatIsEnteredLate puts the key of a member once more that has left, as a request does
// that was on its way: the member does not stay.
func TestAMemberThatIsEnteredLate(t *testing.T) {
	srv := natstest.Start(t)
	one, _ := openRoster(t, srv, "b")
	other, _ := openRoster(t, srv, "b")
	kv, err := jetStream(t, srv.Connect(t)).KeyValue(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	puts, err := kv.Watch(t.Context(), "member.>")
	if err != nil {
		t.Fatal(err)
	}
	leave := one.Enter("r", hub.Listed{Name: "a", ID: 1})
	one.Enter("r", hub.Listed{Name: "b", ID: 2})
	await(t, "both are listed", func() bool { return len(other.Members("r")) == 2 })
	entries := make(map[string][]byte)
	for len(entries) < 2 {
		if entry := within(t, "the entries arrive", puts.Updates()); entry != nil {
			entries[entry.Key()] = entry.Value()
		}
	}
	leave()
	await(t, "one is listed", func() bool { return len(other.Members("r")) == 1 })
	for key, value := range entries { // that of the member that has stayed, too
		if _, err := kv.Put(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the late one is removed", func() bool {
		keys, err := kv.Keys(t.Context())
		members := 0
		for _, key := range keys {
			if strings.HasPrefix(key, "member.") {
				members++
			}
		}
		return err == nil && members == 1
	})
	await(t, "one is listed", func() bool {
		members := other.Members("r")
		return len(members) == 1 && members[0].Name == "b"
	})
}

// TestAnOutageExpiresNobody restarts the server, and takes the bucket away.
func TestAnOutageExpiresNobody(t *testing.T) {
	srv := natstest.Start(t)
	one, _ := openRoster(t, srv, "b")
	other, _ := openRoster(t, srv, "b")
	one.Enter("r", hub.Listed{Name: "a", ID: 1})
	await(t, "the member is listed", func() bool { return len(other.Members("r")) == 1 })
	srv.Stop()
	leave := one.Enter("r", hub.Listed{Name: "b", ID: 2})
	if len(one.Members("r")) != 2 || len(other.Members("r")) != 1 {
		t.Fatalf("%v and %v are listed", one.Members("r"), other.Members("r"))
	}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "both are listed", func() bool { return len(other.Members("r")) == 2 })
	leave()
	await(t, "one is listed", func() bool { return len(other.Members("r")) == 1 })
	if err := jetStream(t, srv.Connect(t)).DeleteKeyValue(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	one.Enter("r", hub.Listed{Name: "c", ID: 3})
	await(t, "members are listed in a new bucket", func() bool { return len(other.Members("r")) == 2 })
}

func TestARosterIsBounded(t *testing.T) {
	srv := natstest.Start(t)
	one, _ := openRoster(t, srv, "b")
	small, err := natshub.OpenRoster(t.Context(), jetStream(t, srv.Connect(t)), "b",
		natshub.WithExpiry(expiry), natshub.WithMaxListed(10))
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	var leaves []func()
	for i := range uint64(50) {
		leaves = append(leaves, one.Enter(fmt.Sprint(i%5), hub.Listed{ID: i}))
	}
	one.Enter("last", hub.Listed{ID: 50})
	full, _ := openRoster(t, srv, "b")
	listed := func(r *natshub.Roster) (n int) {
		for i := range 5 {
			n += len(r.Members(fmt.Sprint(i)))
		}
		return n
	}
	await(t, "all are listed", func() bool {
		return listed(full) == 50 && len(full.Members("last")) == 1
	})
	if n := listed(small) + len(small.Members("last")); n > 10 {
		t.Fatalf("%d members are listed, more than 10", n)
	}
	for _, leave := range leaves {
		leave()
	}
	await(t, "none is listed", func() bool { return listed(full) == 0 && listed(small) == 0 })
}

func TestABucketThatIsNoRoster(t *testing.T) {
	srv := natstest.Start(t)
	js := jetStream(t, srv.Connect(t))
	config := jetstream.KeyValueConfig{Bucket: "other"}
	if _, err := js.CreateKeyValue(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if _, err := natshub.OpenRoster(t.Context(), js, "other"); !contains(err, "limit_marker_ttl") {
		t.Errorf("OpenRoster returned %v", err)
	}
	if _, err := natshub.OpenRoster(t.Context(), js, "a.b"); !contains(err, `"a.b" is invalid`) {
		t.Errorf("OpenRoster returned %v", err)
	}
}
