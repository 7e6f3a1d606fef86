package server_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// credential reads the header of its name: "bad" is invalid, "down" cannot be checked, "nameless"
// has no subject, and anything else is the ID of the principal.
type credential string

func (c credential) Bind(runtime.MethodInfo) server.AuthenticateFunc {
	return func(ctx context.Context) (*runtime.Principal, error) {
		switch values := metadata.ValueFromIncomingContext(ctx, string(c)); {
		case len(values) == 0:
			return nil, nil
		case values[0] == "bad":
			return nil, errors.New("invalid " + string(c))
		case values[0] == "down":
			return nil, status.Error(codes.Unavailable, "no connection")
		case values[0] == "nameless":
			return new(runtime.Principal), nil
		default:
			return runtime.NewPrincipal(string(c) + ":" + values[0]), nil
		}
	}
}

// unbound is an authenticator that binds no method.
type unbound struct{}

func (unbound) Bind(runtime.MethodInfo) server.AuthenticateFunc { return nil }

func TestTheFirstAuthenticatorThatFindsCredentialsDecides(t *testing.T) {
	three := []server.Authenticator{credential("token"), unbound{}, credential("key")}
	for name, test := range map[string]struct {
		of     []server.Authenticator
		header []string
		caller string
		code   codes.Code
	}{
		"none":                     {three, nil, "", codes.Unauthenticated},
		"the first":                {three, []string{"token", "ada"}, "token:ada", codes.OK},
		"the last":                 {three, []string{"key", "bob"}, "key:bob", codes.OK},
		"both":                     {three, []string{"key", "bob", "token", "ada"}, "token:ada", codes.OK},
		"the first is invalid":     {three, []string{"token", "bad", "key", "bob"}, "", codes.Unauthenticated},
		"the first is unavailable": {three, []string{"token", "down", "key", "bob"}, "", codes.Unavailable},
		"the first has no subject": {three, []string{"token", "nameless", "key", "bob"}, "", codes.Unauthenticated},
		"the second is invalid":    {three, []string{"token", "ada", "key", "bad"}, "token:ada", codes.OK},
		"only an invalid second":   {three, []string{"key", "bad"}, "", codes.Unauthenticated},
		"one of several binds":     {[]server.Authenticator{unbound{}, credential("key")}, []string{"key", "bob"}, "key:bob", codes.OK},
		"none of several binds":    {[]server.Authenticator{unbound{}, unbound{}}, []string{"key", "bob"}, "", codes.Unauthenticated},
		"one":                      {[]server.Authenticator{credential("key")}, []string{"key", "bob"}, "key:bob", codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			of := slices.Clone(test.of)
			option := server.WithAuthenticator(of...)
			clear(of) // the caller may reuse its slice
			for _, public := range []bool{false, true} {
				var mu sync.Mutex
				var callers []string
				srv := echotest.StartServer(t, func(srv *server.Server) {
					server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{Public: public}}), echotest.Behaving(func(ctx context.Context) error {
						mu.Lock()
						defer mu.Unlock()
						call, _ := runtime.CallFromContext(ctx)
						if p := call.Principal(); p != nil {
							callers = append(callers, p.ID)
						} else {
							callers = append(callers, "")
						}
						return nil
					}))
				}, option)
				want := test.code
				if public {
					want = codes.OK // without a principal, if the credentials are invalid
				}
				for kind, call := range echotest.Kinds {
					ctx := metadata.AppendToOutgoingContext(echotest.Context(t), test.header...)
					if err := call(ctx, srv.Conn); status.Code(err) != want {
						t.Errorf("%s, public %v: %v, want %v", kind, public, err, want)
					}
				}
				if err := srv.Stop(); err != nil {
					t.Error(err)
				}
				for _, caller := range callers {
					if caller != test.caller {
						t.Errorf("public %v: the caller is %q, want %q", public, caller, test.caller)
					}
				}
				if len(callers) == 0 && want == codes.OK {
					t.Error("the method did not run")
				}
			}
		})
	}
}

func TestAuthenticatorsMustNotBeNil(t *testing.T) {
	var nobody server.AuthenticateFunc
	for name, option := range map[string]server.Option{
		"WithAuthenticator()":     server.WithAuthenticator(),
		"WithAuthenticator(nil":   server.WithAuthenticator(nil),
		"WithAuthenticator(nil)":  server.WithAuthenticator(credential("key"), nobody),
		"WithAuthenticator(nil):": server.WithAuthenticator(nil, credential("key")),
	} {
		srv := server.New(option)
		server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
		if err := srv.Run(context.Background(), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: Run returned %v", name, err)
		}
	}
}
