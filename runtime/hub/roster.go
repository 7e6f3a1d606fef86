package hub

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// Roster lists the members of rooms on all replicas. Package rostertest has the tests that every
// implementation must pass. All methods may be called concurrently; none waits for a network.
//
// What a roster knows of other replicas is late, and is not in the order of messages. When a
// replica has died, its members stay listed for the time in which the roster notices that.
type Roster interface {
	// Enter lists a member of this process in a room until leave is called, which may be called
	// more than once. The same member is entered once.
	Enter(room string, m Listed) (leave func())

	// Members returns the members of a room on all replicas, as far as they are known, in the order
	// of [Listed.Compare]. Those of this process are always among them.
	Members(room string) []Listed

	// Notify makes the roster call expired for each member of another replica that is no longer
	// listed although it has not left: its replica has died or is cut off. A hub calls Notify once.
	Notify(expired func(room string, m Listed))
}

// Listed is a member of a room as a [Roster] lists it.
type Listed struct {
	// Replica identifies the hub of the member, and ID the member among those of its hub.
	Replica string
	ID      uint64
	// Name is the name of [WithMemberName] or the ID of the principal, cut to [MaxListedName] bytes.
	Name string
	// Joined is when the member joined, by the clock of its replica.
	Joined time.Time
}

// MaxListedName is the maximum length of a name in a [Listed].
const MaxListedName = 256

// Compare orders members by the time at which they joined; for equal times, by replica and ID.
func (l Listed) Compare(other Listed) int {
	return cmp.Or(l.Joined.Compare(other.Joined), cmp.Compare(l.Replica, other.Replica),
		cmp.Compare(l.ID, other.ID))
}

// WithRoster lists members in a roster, so that [Hub.Listed] returns those of all replicas. If a
// replica dies, the function of [WithPresence] is called on the others for each of its members with
// [Left], and the message is delivered to the members of that replica only. The member that the
// function receives has a name and a room, no principal and no stream.
func WithRoster(r Roster) Option { return hubOption(func(s *settings) { s.roster = r }) }

// Listed returns the members of a room: with [WithRoster] those of all replicas, else those of this
// one.
func (h *Hub[T]) Listed(key string) []Listed {
	if h.settings.roster != nil {
		return h.settings.roster.Members(key)
	}
	members := h.Members(key)
	listed := make([]Listed, len(members))
	for i, m := range members {
		listed[i] = m.listed()
	}
	slices.SortFunc(listed, Listed.Compare)
	return listed
}

// listed returns the member for a roster.
func (m *Member[T]) listed() Listed {
	return Listed{
		Replica: m.hub.origin.String(), ID: m.id, Name: cutName(m.name), Joined: time.Unix(0, m.since),
	}
}

// cutName cuts a name between characters.
func cutName(name string) string {
	if len(name) <= MaxListedName {
		return name
	}
	end := 0
	for i := range name {
		if i > MaxListedName {
			break
		}
		end = i
	}
	return name[:end]
}

// enlist enters a member that has joined into the roster.
func (h *Hub[T]) enlist(m *Member[T]) {
	if h.settings.roster == nil {
		return
	}
	leave := h.settings.roster.Enter(m.room.key, m.listed())
	m.mu.Lock()
	ended := m.ended
	m.delist = leave
	m.mu.Unlock()
	if ended { // meanwhile
		leave()
	}
}

// expired notifies a room of a member whose replica has died.
func (h *Hub[T]) expired(key string, l Listed) {
	r := h.roomOf(key)
	if r == nil || h.presence == nil || h.err != nil {
		return
	}
	absent := &room[T]{hub: h, key: key}
	env, ok := h.noticeRecovered(&Member[T]{
		hub: h, room: absent, id: l.ID, name: l.Name, since: l.Joined.UnixNano(), limits: &h.limits,
		ended: true,
	})
	if ok {
		_ = r.publish(context.Background(), env, 0) // does not fail with this context
	}
}

// noticeRecovered returns the message about a member that is gone, where nothing else recovers:
// the function of WithPresence may panic.
func (h *Hub[T]) noticeRecovered(m *Member[T]) (env *envelope[T], ok bool) {
	defer func() {
		if value := recover(); value != nil {
			report.Panic(context.Background(), slog.Default(), value)
			env, ok = nil, false
		}
	}()
	m.notified.Store(true)
	env, err := h.notice(m, Left)
	return env, env != nil && err == nil
}

// delisted removes a member that has left from the roster.
func (m *Member[T]) delisted() {
	if m.hub.settings.roster == nil {
		return
	}
	m.mu.Lock()
	leave := m.delist
	m.delist = nil
	m.mu.Unlock()
	if leave != nil {
		leave()
	}
}

// MemoryRoster is a [Roster] for the hubs of one process, for tests and programs without replicas.
// Its zero value is ready to use. Nothing in it expires.
type MemoryRoster struct {
	mu    sync.Mutex
	rooms map[string]map[*Listed]struct{}
}

// Enter implements [Roster].
func (r *MemoryRoster) Enter(room string, m Listed) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rooms == nil {
		r.rooms = make(map[string]map[*Listed]struct{})
	}
	if r.rooms[room] == nil {
		r.rooms[room] = make(map[*Listed]struct{})
	}
	entry := &m
	r.rooms[room][entry] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.rooms[room], entry)
		if len(r.rooms[room]) == 0 {
			delete(r.rooms, room)
		}
	}
}

// Members implements [Roster].
func (r *MemoryRoster) Members(room string) []Listed {
	r.mu.Lock()
	defer r.mu.Unlock()
	members := make([]Listed, 0, len(r.rooms[room]))
	for m := range r.rooms[room] {
		members = append(members, *m)
	}
	slices.SortFunc(members, Listed.Compare)
	return members
}

// Notify implements [Roster]. It does nothing.
func (r *MemoryRoster) Notify(func(room string, m Listed)) {}
