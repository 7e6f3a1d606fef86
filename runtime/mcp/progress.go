package mcp

import (
	"context"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// progressInterval is the shortest time between two notifications of a call.
const progressInterval = time.Second

// progress notifies an agent of the progress of a call, if it wants that.
type progress struct {
	session *sdk.ServerSession
	token   any
	sent    float64
	last    time.Time
}

// progressOf returns the progress of a call.
func progressOf(req *sdk.CallToolRequest) progress {
	return progress{session: req.Session, token: req.Params.GetProgressToken()}
}

// isWanted reports whether the agent wants to be notified.
func (p *progress) isWanted() bool { return p.token != nil && p.session != nil }

// notify sends a notification, unless one was sent just before. Progress always increases, as the
// protocol requires.
func (p *progress) notify(ctx context.Context, message string) {
	now := time.Now()
	if !p.isWanted() || now.Sub(p.last) < progressInterval {
		return
	}
	p.last = now
	p.sent++
	// An agent that does not receive it has lost its connection, which the context shows.
	_ = p.session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{
		ProgressToken: p.token, Progress: p.sent, Message: message,
	})
}
