package server

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

// WithTokenKeys has the server seal page tokens with the first of the keys, and open them with any, so that keys can be
// replaced; see [seal.Ring]. All replicas of a service need the same keys, from its configuration:
//
//	keys, err := seal.ParseKeys(os.Getenv("TOKEN_KEYS")) // openssl rand -base64 32
//	…
//	srv := server.New(server.WithTokenKeys(keys...))
//
// Without it tokens are sealed with a random key of the process: they die with it, and other replicas refuse them. A server with
// paged methods warns of that when it starts.
func WithTokenKeys(keys ...seal.Key) Option {
	return func(c *settings) {
		ring, err := seal.NewRing(keys...)
		if err != nil {
			c.fail("WithTokenKeys: %w", err)
			return
		}
		c.tokens = ring
	}
}

// paged names the methods that hand out page tokens.
func (p *pipeline) paged() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.methods {
		if m.info.Policy.Page.MaxSize > 0 {
			names = append(names, m.log.name)
		}
	}
	slices.Sort(names)
	return names
}

// warnOfTokens says loudly, and once, which methods hand out tokens that nobody else can open.
func (p *pipeline) warnOfTokens() {
	paged := p.paged()
	if p.tokens != nil || len(paged) == 0 {
		return
	}
	p.tokenWarning.Do(func() {
		p.logger.Warn("page tokens are sealed with a random key: they end with this process, and other replicas refuse them; "+
			"give all replicas the same keys with server.WithTokenKeys", slog.String("methods", strings.Join(paged, ", ")))
	})
}
