package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
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
		for kind, call := range kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				log := new(records)
				srv := start(t, func(srv *server.Server) {
					server.Register[echoService](srv, tableWith(runtime.Policy{Auth: &runtime.Auth{}}), behaving(func(context.Context) error {
						t.Error("the method ran")
						return nil
					}))
				}, returning(principal), server.WithLogger(log.logger(slog.LevelInfo)))
				err := call(testContext(t), srv.conn)
				if status.Code(err) != codes.Unauthenticated || rpcerr.ReasonOf(err) != rpcerr.ReasonUnauthenticated ||
					!strings.Contains(status.Convert(err).Message(), "the credentials name no caller") {
					t.Errorf("the caller gets %v", err)
				}
				if err := srv.end(); err != nil {
					t.Error(err)
				}
				if text := log.text(); !strings.Contains(text, "principal without an ID") {
					t.Errorf("the log does not name the fault of the authenticator: %s", text)
				}
			})
		}
	}
}

// A public method serves the caller as it serves callers with bad credentials, and never as the principal.
func TestPrincipalsWithoutAnIDAreNobodyOnPublicMethods(t *testing.T) {
	for name, principal := range nameless {
		for kind, call := range kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				log := new(records)
				srv := start(t, func(srv *server.Server) {
					server.Register[echoService](srv, tableWith(runtime.Policy{Auth: &runtime.Auth{Public: true}}), behaving(func(ctx context.Context) error {
						if p := runtime.OriginOf(ctx).Principal; p != nil {
							t.Errorf("the call is that of %+v", p)
						}
						return nil
					}))
				}, returning(principal), server.WithLogger(log.logger(slog.LevelInfo)))
				if err := call(testContext(t), srv.conn); err != nil {
					t.Errorf("the caller gets %v", err)
				}
				if err := srv.end(); err != nil {
					t.Error(err)
				}
				if text := log.text(); !strings.Contains(text, `"level":"ERROR"`) || !strings.Contains(text, "principal without an ID") {
					t.Errorf("the log does not name the fault of the authenticator: %s", text)
				}
			})
		}
	}
}

// Claims may hold the credentials that they were read from.
func TestClaimsAreNotPrinted(t *testing.T) {
	const secret = "eyJhbGciOi"
	principal := runtime.NewPrincipal("ada", "read")
	principal.Claims = map[string]any{"raw": []byte(secret), "text": secret}
	for what, value := range map[string]any{
		"a principal": principal, "its value": *principal, "principals": []*runtime.Principal{principal},
		"a field": struct{ By *runtime.Principal }{principal}, "an origin": runtime.Origin{Principal: principal},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%c", "%U", "%t"} {
			text := fmt.Sprintf(verb, value)
			if written := strings.Trim(fmt.Sprintf(verb, []byte(secret)), "[]{}"); strings.Contains(text, secret) || strings.Contains(text, written) {
				t.Errorf("%s of %s prints %s", verb, what, text)
			}
		}
		encoded, err := json.Marshal(value)
		if err != nil || strings.Contains(string(encoded), secret) || !strings.Contains(string(encoded), "ada") {
			t.Errorf("%s as JSON is %s, %v", what, encoded, err)
		}
		log := new(records)
		log.logger(slog.LevelInfo).Info("", "value", value)
		if text := log.text(); strings.Contains(text, secret) || !strings.Contains(text, "ada") {
			t.Errorf("a log with %s has %s", what, text)
		}
	}
	if text := fmt.Sprint((*runtime.Principal)(nil)); text != "<nil>" {
		t.Errorf("nobody is printed as %s", text)
	}
}

func returning(p *runtime.Principal) server.Option {
	return server.WithAuthenticator(server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return p, nil }))
}

// text returns all records as they were written.
func (r *records) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}
