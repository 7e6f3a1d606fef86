package service

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// The rules of the game.
const (
	tick     = 50 * time.Millisecond // between two states
	gridSize = 16
)

type (
	action = shopv1.GameAction
	state  = shopv1.GameState
)

// GameService moves players over a grid. It implements [shopv1service.GameService].
//
// The actions of a player are applied in the order in which they arrive. The state is published
// once a tick if it has changed, and a state that still waits in a queue is replaced by the next:
// what counts is the latest. A game exists while it has players.
type GameService struct {
	rooms *hub.Hub[state]

	mu    sync.Mutex
	games map[string]*game
}

// NewGameService returns a GameService without games.
func NewGameService() *GameService {
	latest := hub.WithConflate(func(s *state) string { return s.GetGameId() })
	return &GameService{rooms: hub.New[state](latest), games: make(map[string]*game)}
}

// PlayGame joins a game with the first action, and streams the state of the game while it changes.
func (s *GameService) PlayGame(ctx context.Context, reqs runtime.Stream[action]) runtime.Stream[state] {
	return shopv1service.GameServicePlayGame.Serve(ctx, reqs, s.rooms, hub.Handler[action, state]{
		Name:    func(first *action) string { return first.GetPlayerId() },
		History: s.enter,
		Receive: s.act,
		Leave:   s.leave,
	})
}

// enter adds a player to a game and returns the current state.
func (s *GameService) enter(_ context.Context, m *hub.Member[state], _ *action) runtime.Stream[state] {
	return func(yield func(*state, error) bool) { yield(s.join(m).present(), nil) }
}

// join returns the game of a player and adds the player to it. The first player starts the game.
func (s *GameService) join(m *hub.Member[state]) *game {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.games[m.Room()]
	if !ok {
		g = &game{id: m.Room(), players: make(map[*hub.Member[state]]*shopv1.PlayerState), stop: make(chan struct{})}
		s.games[m.Room()] = g
		go g.run(s.rooms) // until the last player has left
	}
	g.enter(m)
	return g
}

// leave removes a player. The game ends with the last one.
func (s *GameService) leave(_ context.Context, m *hub.Member[state]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.games[m.Room()]; ok && g.leave(m) {
		close(g.stop)
		delete(s.games, m.Room())
	}
}

// act applies an action. The first action may arrive before the player has received the state.
func (s *GameService) act(_ context.Context, m *hub.Member[state], req *action) error {
	if req.GetActionType() == "" {
		return nil // the player only joins
	}
	return s.join(m).act(m, req)
}

// game is a game with players.
type game struct {
	id   string
	stop chan struct{}

	mu      sync.Mutex
	players map[*hub.Member[state]]*shopv1.PlayerState
	changed bool // since the last state was published
}

// run publishes the state once per tick if it has changed.
func (g *game) run(rooms *hub.Hub[state]) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if now := g.change(); now != nil {
				_ = rooms.Publish(context.Background(), g.id, now) // fails only with a bus
			}
		case <-g.stop:
			return
		}
	}
}

// enter adds a player, unless it is there.
func (g *game) enter(m *hub.Member[state]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.players[m] == nil {
		g.players[m], g.changed = &shopv1.PlayerState{PlayerId: m.Name()}, true
	}
}

// present returns the state.
func (g *game) present() *state {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state()
}

// leave removes a player and reports whether it was the last.
func (g *game) leave(m *hub.Member[state]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.players, m)
	g.changed = true
	return len(g.players) == 0
}

// change returns the state if it has changed since the last call.
func (g *game) change() *state {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.changed {
		return nil
	}
	g.changed = false
	return g.state()
}

// act applies an action of a player.
func (g *game) act(m *hub.Member[state], req *action) error {
	if req.GetActionType() != "move" || len(req.GetActionData()) != 1 {
		return rpcerr.Invalid(rpcerr.Violation("action_type", `must be "move" with one byte of data, is %q with %d`, req.GetActionType(), len(req.GetActionData())))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	player := g.players[m]
	switch req.GetActionData()[0] {
	case 'n':
		player.Y = max(player.GetY()-1, 0)
	case 's':
		player.Y = min(player.GetY()+1, gridSize-1)
	case 'w':
		player.X = max(player.GetX()-1, 0)
	case 'e':
		player.X = min(player.GetX()+1, gridSize-1)
	default:
		return rpcerr.Invalid(rpcerr.Violation("action_data", "must be n, e, s or w, is %q", req.GetActionData()))
	}
	player.Actions++
	g.changed = true
	return nil
}

// state returns a copy of the state. The caller holds the lock.
func (g *game) state() *state {
	now := &state{GameId: g.id, WorldState: []byte{gridSize}, Timestamp: timestamppb.Now()}
	for _, p := range g.players {
		now.Players = append(now.Players, &shopv1.PlayerState{PlayerId: p.GetPlayerId(), X: p.GetX(), Y: p.GetY(), Actions: p.GetActions()})
	}
	slices.SortFunc(now.Players, func(a, b *shopv1.PlayerState) int { return strings.Compare(a.GetPlayerId(), b.GetPlayerId()) })
	return now
}
