package main

import (
	"log/slog"
	"os"
	"strings"

	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/page"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// browsers returns the option that serves the page of the shop, and what it calls, at -web. Where
// callers sign their own tokens, the log has one for the page.
func (c config) browsers(logger *slog.Logger) ([]server.Option, error) {
	if c.web == "" {
		return nil, nil
	}
	if os.Getenv(issuerVariable) == "" {
		token, err := auth.Sign(auth.Clerk)
		if err != nil {
			return nil, err
		}
		logger.Info("the page of the shop takes this token", "address", c.web, "token", token)
	}
	options := []web.Option{web.WithFallback(page.Handler())}
	if c.webOrigins != "" {
		options = append(options, web.WithOrigins(strings.Split(c.webOrigins, ",")...))
	}
	return []server.Option{web.Serve(c.web, options...)}, nil
}
