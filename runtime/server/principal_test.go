package server_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// nameless is what an authenticator returns that read credentials without a subject.
var nameless = map[string]*runtime.Principal{
	"NewPrincipal":            runtime.NewPrincipal(""),
	"NewPrincipal and scopes": runtime.NewPrincipal("", "read"),
	"literal":                 {},
	"literal with claims":     {Claims: "aud: library"},
}

func TestPrincipalsWithoutAnIDAreRejected(t *testing.T) {
	for name, principal := range nameless {
		for kind, call := range echotest.Kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				log := new(echotest.Records)
				srv := echotest.StartServer(t, func(srv *server.Server) {
					server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}), echotest.Behaving(func(context.Context) error {
						t.Error("the method ran")
						return nil
					}))
				}, returning(principal), server.WithLogger(log.Logger(slog.LevelInfo)))
				err := call(echotest.Context(t), srv.Conn)
				if status.Code(err) != codes.Unauthenticated || rpcerr.ReasonOf(err) != rpcerr.ReasonUnauthenticated ||
					!strings.Contains(status.Convert(err).Message(), "the credentials name no caller") {
					t.Errorf("the caller gets %v", err)
				}
				if err := srv.Stop(); err != nil {
					t.Error(err)
				}
				if text := log.Text(); !strings.Contains(text, "principal without an ID") {
					t.Errorf("the log does not name the fault of the authenticator: %s", text)
				}
			})
		}
	}
}

// A public method serves the caller as it serves callers with bad credentials, and never as the
// principal.
func TestPrincipalsWithoutAnIDAreNobodyOnPublicMethods(t *testing.T) {
	for name, principal := range nameless {
		for kind, call := range echotest.Kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				log := new(echotest.Records)
				srv := echotest.StartServer(t, func(srv *server.Server) {
					server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{Public: true}}), echotest.Behaving(func(ctx context.Context) error {
						if p := runtime.OriginOf(ctx).Principal; p != nil {
							t.Errorf("the call is that of %+v", p)
						}
						return nil
					}))
				}, returning(principal), server.WithLogger(log.Logger(slog.LevelInfo)))
				if err := call(echotest.Context(t), srv.Conn); err != nil {
					t.Errorf("the caller gets %v", err)
				}
				if err := srv.Stop(); err != nil {
					t.Error(err)
				}
				if text := log.Text(); !strings.Contains(text, `"level":"ERROR"`) || !strings.Contains(text, "principal without an ID") {
					t.Errorf("the log does not name the fault of the authenticator: %s", text)
				}
			})
		}
	}
}

func returning(p *runtime.Principal) server.Option {
	return server.WithAuthenticator(server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return p, nil }))
}
