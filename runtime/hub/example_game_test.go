package hub_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	roomv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/room/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/room/v1/roomv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// tick is how often the players of a game receive its states.
const tick = 50 * time.Millisecond

// games is a GameService. The actions of a player are applied in their order, as they arrive.
// States
// are published at each tick, and a player who is slow receives the latest of each player only.
type games struct {
	roomv1service.UnimplementedGameService
	rooms *hub.Hub[roomv1.PlayerState]

	mu      sync.Mutex
	players map[player]*roomv1.PlayerState
	moved   map[player]bool // since the last tick
}

// player is a player of a game.
type player struct{ game, id string }

type (
	playing = hub.Member[roomv1.PlayerState]
	states  = runtime.Stream[roomv1.PlayerState]
)

func newGames() *games {
	return &games{
		rooms:   hub.New[roomv1.PlayerState](hub.WithConflate((*roomv1.PlayerState).GetPlayerId)),
		players: make(map[player]*roomv1.PlayerState),
		moved:   make(map[player]bool),
	}
}

func (s *games) Play(ctx context.Context, reqs runtime.Stream[roomv1.Action]) states {
	handler := hub.Handler[roomv1.Action, roomv1.PlayerState]{
		Name: (*roomv1.Action).GetPlayerId, // in a real service, leave it out: the principal
		History: func(_ context.Context, m *playing, _ *roomv1.Action) states {
			return stream.Of(s.states(m.Room())...)
		},
		Receive: s.act,
		Leave:   s.leave,
	}
	return roomv1service.GameServicePlay.Serve(ctx, reqs, s.rooms, handler)
}

// act applies an action. A hub calls it for one action of a player at a time.
func (s *games) act(_ context.Context, m *playing, action *roomv1.Action) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := player{m.Room(), m.Name()}
	position := s.players[p].GetPosition() + action.GetStep()
	// States are messages that were published, so a new one is made.
	s.players[p] = &roomv1.PlayerState{GameId: p.game, PlayerId: p.id, Position: position}
	s.moved[p] = true
	return nil
}

func (s *games) leave(_ context.Context, m *playing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.players, player{m.Room(), m.Name()})
	delete(s.moved, player{m.Room(), m.Name()})
}

// states returns where the players of a game are.
func (s *games) states(game string) (states []*roomv1.PlayerState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, state := range s.players {
		if p.game == game {
			states = append(states, state)
		}
	}
	return states
}

// run publishes at each tick: srv.Background("games", s.run).
func (s *games) run(ctx context.Context) error {
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil
		}
		for _, state := range s.changes() {
			if err := s.rooms.Publish(ctx, state.GetGameId(), state); err != nil {
				return err
			}
		}
	}
}

// changes returns the states of the players that moved since the last tick.
func (s *games) changes() (states []*roomv1.PlayerState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.moved {
		states = append(states, s.players[p])
	}
	clear(s.moved)
	return states
}

// Game state: actions are applied in order per player, and states are sent at a tick rate.
func Example_game() {
	service := newGames()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = service.run(ctx) }()

	ann, bob := stream.Converse(ctx, service.Play), stream.Converse(ctx, service.Play)
	defer ann.Close()
	defer bob.Close()
	for _, err := range []error{
		ann.Send(&roomv1.Action{GameId: "race", PlayerId: "ann"}),
		bob.Send(&roomv1.Action{GameId: "race", PlayerId: "bob"}),
		ann.Send(&roomv1.Action{Step: 2}),
		ann.Send(&roomv1.Action{Step: -1}),
		ann.Send(&roomv1.Action{Step: 41}),
	} {
		if err != nil {
			fmt.Println(err)
		}
	}
	for {
		state, err := bob.Receive()
		if err != nil {
			fmt.Println(err)
			return
		}
		if state.GetPlayerId() == "ann" && state.GetPosition() > 2 {
			fmt.Println("ann is at", state.GetPosition())
			return
		}
	}
	// Output: ann is at 42
}

// TestGame checks that a player receives at most one state of each player per tick, and the last
// one in the end.
func TestGame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := newGames()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = service.run(ctx) }()
		ann, bob := stream.Converse(ctx, service.Play), stream.Converse(ctx, service.Play)
		go func() {
			_ = ann.Send(&roomv1.Action{GameId: "race", PlayerId: "ann"})
			_ = bob.Send(&roomv1.Action{GameId: "race", PlayerId: "bob"})
			for range 1000 { // for two seconds: 40 ticks
				_ = ann.Send(&roomv1.Action{Step: 1})
				time.Sleep(2 * time.Millisecond)
			}
		}()
		received, last := 0, int32(-1)
		for last < 1000 {
			state, err := bob.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if state.GetPlayerId() != "ann" {
				continue
			}
			if state.GetPosition() <= last {
				t.Errorf("received %d after %d", state.GetPosition(), last)
			}
			received, last = received+1, state.GetPosition()
		}
		if received > 42 {
			t.Errorf("received %d states in 40 ticks", received)
		}
		time.Sleep(time.Minute) // bob does not receive meanwhile
		for range 5 {
			_ = ann.Send(&roomv1.Action{Step: 1})
			time.Sleep(tick)
		}
		synctest.Wait()
		for last < 1005 {
			state, err := bob.Receive()
			if err != nil {
				t.Fatal(err)
			}
			last = state.GetPosition()
		}
		ann.Close()
		bob.Close()
		cancel()
		synctest.Wait()
		if got := service.rooms.Stats(); got != (hub.Stats{}) || len(service.players) != 0 {
			t.Errorf("got %+v, %d players", got, len(service.players))
		}
	})
}
