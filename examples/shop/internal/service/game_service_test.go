package service_test

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func TestGameServiceContract(t *testing.T) {
	shopv1servicetest.CheckGameService(t, service.NewGameService())
}

func move(player string, direction byte) *shopv1.GameAction {
	return &shopv1.GameAction{PlayerId: player, GameId: "lobby", ActionType: "move", ActionData: []byte{direction}}
}

// TestPlayGame moves two players, each of whom sees the final position of both.
func TestPlayGame(t *testing.T) {
	servicetest.NoLeaks(t)
	client := shopv1servicetest.ServeGameService(t, service.NewGameService())
	players := map[string]string{"ada": "eesse", "bob": "ssssssssssssssssssssn"}
	want := "ada 3,2 bob 0,14"
	var games []*stream.Conversation[shopv1.GameAction, shopv1.GameState]
	for player, moves := range players {
		game := stream.Converse(t.Context(), client.PlayGame)
		defer game.Close()
		games = append(games, game)
		for _, direction := range []byte(moves) {
			if err := game.Send(move(player, direction)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, game := range games {
		for got := ""; got != want; {
			state, err := game.Receive()
			if err != nil {
				t.Fatalf("%v after %q", err, got)
			}
			got = ""
			for _, player := range state.GetPlayers() {
				got += fmt.Sprintf(" %s %d,%d", player.GetPlayerId(), player.GetX(), player.GetY())
			}
			got = got[min(1, len(got)):]
		}
	}
	games[0].Close()
	for {
		state, err := games[1].Receive()
		if err != nil {
			t.Fatal(err)
		}
		if len(state.GetPlayers()) == 1 {
			return // the other has left
		}
	}
}

func TestPlayGameRejects(t *testing.T) {
	client := shopv1servicetest.ServeGameService(t, service.NewGameService())
	for name, action := range map[string]*shopv1.GameAction{
		"no game": {PlayerId: "ada", ActionType: "move", ActionData: []byte("n")},
		"action":  {PlayerId: "ada", GameId: "lobby", ActionType: "fly"},
		"move":    move("ada", 'x'),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stream.Collect(client.PlayGame(t.Context(), stream.Of(action)))
			wantCode(t, err, codes.InvalidArgument)
		})
	}
}
