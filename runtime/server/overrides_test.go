package server_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestServiceOverridesAreLaidAsFarAsTheyFit checks that one rule serves a service with methods of
// all kinds.
func TestServiceOverridesAreLaidAsFarAsTheyFit(t *testing.T) {
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{}), echotest.Behaving(waits))
	}, server.WithPolicy([]byte(`{"test.v1.Echo/*": {"timeout": {"default": "20ms", "max": "20ms", "total": "20ms"}, "hedging": {"delay": "1s"}}}`)))
	for kind, call := range echotest.Kinds {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := call(ctx, srv.Conn); status.Code(err) != codes.DeadlineExceeded || ctx.Err() != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestConfigurationsThatAreNotOne checks that nothing in a configuration is left out in silence.
func TestConfigurationsThatAreNotOne(t *testing.T) {
	for config, want := range map[string]string{
		`{"test.v1.Echo/One": {}, "test.v1.Echo/One": {}}`:         `test.v1.Echo/One: its policy is overridden twice`,
		`{"test.v1.Echo/One": {}, "test.v1.Echo/\u004fne": {}}`:    `test.v1.Echo/One: its policy is overridden twice`,
		`{"test.v1.Echo/*": {"timeout": {"default": "soon"}}}`:     `WithPolicy: test.v1.Echo/*: timeout.default: "soon" is not a duration`,
		`{"test.v1.Echo/One": {}} {"test.v1.Echo/Many": {}}`:       "something follows its end",
		`{"test.v1.Echo/One": {}`:                                  "not a JSON object",
		`{"test.v1.Echo/One": }`:                                   "not a JSON object",
		`{"test.v1.Echo/One": {} "test.v1.Echo/Many": {}}`:         "not a JSON object",
		`["test.v1.Echo/One"]`:                                     "it does not begin with {",
		`null`:                                                     "it does not begin with {",
		``:                                                         "not a JSON object",
		`{"test.v1.Echo/*": {"timeout": {"total": "1s"}}, "x": 1}`: "x: proto:",
	} {
		srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithPolicy([]byte(config)))
		server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
		err := srv.Run(echotest.Context(t), "127.0.0.1:0")
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "\u00a0", " "), want) {
			t.Errorf("%s: Run returned %v, want %q", config, err, want)
		}
	}
}

// TestRowsThatAreNotSoundAreNotServed checks that an override of a wrong row does not take its
// other rules away in silence.
func TestRowsThatAreNotSoundAreNotServed(t *testing.T) {
	row := runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"admin"}}, Rates: []runtime.Rate{{PerSecond: 5}}}
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithAuthenticator(byToken),
		server.WithPolicy([]byte(`{"test.v1.Echo/One": {"log": {"sample": 0.5}}}`)))
	server.Register[echotest.Service](srv, echotest.TableWith(row), echotest.Funcs{})
	if err := srv.Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "rate[0].burst: 0 is out of range; want 1 or more") {
		t.Errorf("Run returned %v", err)
	}
}
