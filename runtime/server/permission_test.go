package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/permission"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// byUser authenticates the user that a call names; a call without one is not authenticated.
var byUser = server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
	if user := metadata.ValueFromIncomingContext(ctx, "user"); len(user) > 0 {
		return runtime.NewPrincipal(user[0]), nil
	}
	return nil, nil
})

// asUser returns the context of calls of a user; "" for none.
func asUser(t *testing.T, user string) context.Context {
	if user == "" {
		return echotest.Context(t)
	}
	return metadata.AppendToOutgoingContext(echotest.Context(t), "user", user)
}

// asked is an authorizer that admits users to the resources that begin with their name and a
// slash. It records what it is asked.
type asked struct {
	mu        sync.Mutex
	questions []string
}

func (a *asked) Bind(runtime.MethodInfo) server.AuthorizeFunc {
	return func(_ context.Context, access server.Access, allowed []bool) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.questions = append(a.questions, fmt.Sprintf("%s %s %q", access.Principal.ID, access.Permission, access.Resources))
		for i, resource := range access.Resources {
			allowed[i] = strings.HasPrefix(resource, access.Principal.ID+"/")
		}
		return nil
	}
}

// take returns the questions since the last call.
func (a *asked) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.questions
	a.questions = nil
	return taken
}

// guarded is a policy that requires a permission on the resource in the request.
func guarded(p runtime.Permission) runtime.Policy {
	p.Name, p.Resource = "texts.read", "value"
	return runtime.Policy{Auth: &runtime.Auth{}, Permission: p}
}

// serveGuarded serves impl with a policy and an authorizer.
func serveGuarded(t *testing.T, p runtime.Policy, impl echotest.Funcs, opts ...server.Option) *echotest.Running {
	t.Helper()
	return echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(p), impl)
	}, append([]server.Option{server.WithAuthenticator(byUser)}, opts...)...)
}

// send calls a method with requests that name resources, and returns the error that the caller
// receives.
func send(ctx context.Context, conn *grpc.ClientConn, method string, names ...string) error {
	if method == "One" {
		return conn.Invoke(ctx, "/test.v1.Echo/One", wrapperspb.String(names[0]), new(text))
	}
	desc := &grpc.StreamDesc{ServerStreams: method != "Join", ClientStreams: method != "Many"}
	cs, err := conn.NewStream(ctx, desc, "/test.v1.Echo/"+method)
	if err != nil {
		return err
	}
	for _, name := range names {
		_ = cs.SendMsg(wrapperspb.String(name)) // RecvMsg returns the reason
	}
	if err := cs.CloseSend(); err != nil {
		return err
	}
	for err == nil {
		err = cs.RecvMsg(new(text))
	}
	return echotest.EndOf(err)
}

func TestPermissionOfAllKinds(t *testing.T) {
	auth := new(asked)
	srv := serveGuarded(t, guarded(runtime.Permission{}), echotest.Behaving(succeed), server.WithAuthorizer(auth))
	for kind := range echotest.Kinds {
		for name, test := range map[string]struct {
			user, resource string
			code           codes.Code
			reason         rpcerr.Reason
			asked          int
		}{
			"allowed":         {"ada", "ada/1", codes.OK, "", 1},
			"forbidden":       {"ada", "bob/1", codes.PermissionDenied, rpcerr.ReasonMissingPermission, 1},
			"empty":           {"ada", "", codes.InvalidArgument, rpcerr.ReasonInvalidRequest, 0},
			"unauthenticated": {"", "ada/1", codes.Unauthenticated, rpcerr.ReasonUnauthenticated, 0},
		} {
			err := send(asUser(t, test.user), srv.Conn, kind, test.resource)
			if status.Code(err) != test.code || rpcerr.ReasonOf(err) != test.reason {
				t.Errorf("%s, %s: %v (%s), want %v %s", kind, name, err, rpcerr.ReasonOf(err), test.code, test.reason)
			}
			if got := auth.take(); len(got) != test.asked || len(got) > 0 && got[0] != fmt.Sprintf("ada texts.read [%q]", test.resource) {
				t.Errorf("%s, %s: asked %q", kind, name, got)
			}
		}
	}
	err := send(asUser(t, "ada"), srv.Conn, "One", "bob/1")
	if want := "the caller lacks the permission texts.read on the resource in value"; status.Convert(err).Message() != want {
		t.Errorf("%q, want %q", status.Convert(err).Message(), want)
	}
	if found := rpcerr.FieldViolations(send(asUser(t, "ada"), srv.Conn, "One", "")); len(found) != 1 || found[0].Field != "value" {
		t.Errorf("an empty resource: violations %v", found)
	}
}

// TestPermissionIsCheckedBeforeFields holds the order of the steps: a caller without the permission
// learns nothing about what is wrong with a request, and an authorized one does.
func TestPermissionIsCheckedBeforeFields(t *testing.T) {
	p := guarded(runtime.Permission{})
	p.Validate, p.MaxRequestBytes = true, 20
	srv := serveGuarded(t, p, echotest.Behaving(succeed), server.WithAuthorizer(new(asked)),
		server.WithValidator(&validator{validate: func(context.Context, proto.Message) error { return errors.New("not valid") }}))
	for resource, want := range map[string]codes.Code{
		"bob/1":                          codes.PermissionDenied,
		"ada/1":                          codes.InvalidArgument,
		"bob/" + strings.Repeat("x", 40): codes.ResourceExhausted,
	} {
		if err := send(asUser(t, "ada"), srv.Conn, "One", resource); status.Code(err) != want {
			t.Errorf("%s: %v, want %v", resource, err, want)
		}
	}
}

// TestAuthorizersThatFail holds that no fault of an authorizer admits a call.
func TestAuthorizersThatFail(t *testing.T) {
	for name, test := range map[string]struct {
		authorize server.AuthorizeFunc
		code      codes.Code
	}{
		"an error": {func(_ context.Context, _ server.Access, allowed []bool) error {
			allowed[0] = true
			return errors.New("10.0.0.7 is down")
		}, codes.Unavailable},
		"a status": {func(context.Context, server.Access, []bool) error { return status.Error(codes.NotFound, "10.0.0.7") }, codes.Unavailable},
		"permission": {func(context.Context, server.Access, []bool) error {
			return status.Error(codes.PermissionDenied, "10.0.0.7")
		}, codes.Unavailable},
		"own deadline":   {func(context.Context, server.Access, []bool) error { return context.DeadlineExceeded }, codes.Unavailable},
		"a panic":        {func(_ context.Context, _ server.Access, allowed []bool) error { allowed[0] = true; panic("10.0.0.7") }, codes.Internal},
		"a broken error": {func(context.Context, server.Access, []bool) error { return (*chained)(nil) }, codes.Unavailable},
		"no answer":      {func(context.Context, server.Access, []bool) error { return nil }, codes.PermissionDenied},
		"not bound":      {nil, codes.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			var reached atomic.Bool
			srv := serveGuarded(t, guarded(runtime.Permission{}), echotest.Behaving(func(context.Context) error {
				reached.Store(true)
				return nil
			}), server.WithAuthorizer(&bindTo{test.authorize}))
			for kind := range echotest.Kinds {
				err := send(asUser(t, "ada"), srv.Conn, kind, "ada/1")
				if status.Code(err) != test.code || strings.Contains(err.Error(), "10.0.0.7") {
					t.Errorf("%s: %v, want %v", kind, err, test.code)
				}
			}
			if reached.Load() {
				t.Error("the method was reached")
			}
		})
	}
}

// bindTo is an authorizer that binds every method to the same function.
type bindTo struct{ authorize server.AuthorizeFunc }

func (b *bindTo) Bind(runtime.MethodInfo) server.AuthorizeFunc { return b.authorize }

// TestSlowAuthorizer holds that a call ends at its deadline while its authorizer waits. On a real
// clock a call could end before the authorizer is asked.
func TestSlowAuthorizer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, ended atomic.Int64
		srv := serveGuarded(t, guarded(runtime.Permission{}), echotest.Behaving(succeed),
			server.WithAuthorizer(server.AuthorizeFunc(func(ctx context.Context, _ server.Access, allowed []bool) error {
				asked.Add(1)
				<-ctx.Done()
				ended.Add(1)
				allowed[0] = true
				return ctx.Err()
			})))
		for kind := range echotest.Kinds {
			ctx, cancel := context.WithTimeout(asUser(t, "ada"), 50*time.Millisecond)
			if err := send(ctx, srv.Conn, kind, "ada/1"); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("%s: %v", kind, err)
			}
			cancel()
		}
		synctest.Wait()
		if calls := int64(len(echotest.Kinds)); asked.Load() != calls || ended.Load() != calls {
			t.Errorf("%d calls asked, %d of them were told of their end, want %d", asked.Load(), ended.Load(), calls)
		}
	})
}

// TestPermissionsOfStreams sends several requests in one stream.
func TestPermissionsOfStreams(t *testing.T) {
	for name, test := range map[string]struct {
		inherit bool
		names   []string
		code    codes.Code
		asked   []string
	}{
		"the same":              {false, []string{"ada/1", "ada/1", "ada/1"}, codes.OK, []string{"ada/1"}},
		"alternating":           {false, []string{"ada/1", "ada/2", "ada/1", "ada/2"}, codes.OK, []string{"ada/1", "ada/2"}},
		"a forbidden later one": {false, []string{"ada/1", "bob/1"}, codes.PermissionDenied, []string{"ada/1", "bob/1"}},
		"a forbidden first one": {false, []string{"bob/1", "ada/1"}, codes.PermissionDenied, []string{"bob/1"}},
		"an empty later one":    {false, []string{"ada/1", ""}, codes.InvalidArgument, []string{"ada/1"}},
		"an inherited one":      {true, []string{"ada/1", "", "", "ada/2", ""}, codes.OK, []string{"ada/1", "ada/2"}},
		"nothing to inherit":    {true, []string{"", "ada/1"}, codes.InvalidArgument, nil},
		"forbidden, inherited":  {true, []string{"ada/1", "bob/1", ""}, codes.PermissionDenied, []string{"ada/1", "bob/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			auth := new(asked)
			srv := serveGuarded(t, guarded(runtime.Permission{Inherit: test.inherit}), echotest.Behaving(succeed), server.WithAuthorizer(auth))
			for _, kind := range []string{"Join", "Chat"} {
				if err := send(asUser(t, "ada"), srv.Conn, kind, test.names...); status.Code(err) != test.code {
					t.Errorf("%s: %v, want %v", kind, err, test.code)
				}
				var want []string
				for _, resource := range test.asked {
					want = append(want, fmt.Sprintf("ada texts.read [%q]", resource))
				}
				if got := auth.take(); !slices.Equal(got, want) {
					t.Errorf("%s: asked %q, want %q", kind, got, want)
				}
			}
		})
	}
}

// TestAForbiddenRequestEndsItsStream holds that a method cannot continue after one.
func TestAForbiddenRequestEndsItsStream(t *testing.T) {
	var got []string
	srv := serveGuarded(t, guarded(runtime.Permission{}), echotest.Funcs{
		JoinFunc: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) {
			for range 3 { // ranges again after the error
				for req, err := range reqs {
					if err == nil {
						got = append(got, req.GetValue())
					}
				}
			}
			return wrapperspb.String("done"), nil
		},
	}, server.WithAuthorizer(new(asked)))
	if err := send(asUser(t, "ada"), srv.Conn, "Join", "ada/1", "bob/1", "ada/2"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(got, []string{"ada/1"}) {
		t.Errorf("the method received %q", got)
	}
}

// answer is all that a caller sees of a failed call.
type answer struct {
	status          string
	header, trailer string
}

// answerOf calls a method, and returns what the caller sees.
func answerOf(t *testing.T, conn *grpc.ClientConn, method, resource string) answer {
	t.Helper()
	var header, trailer metadata.MD
	ctx := metadata.AppendToOutgoingContext(asUser(t, "ada"), "x-request-id", "same")
	var err error
	if method == "One" {
		err = conn.Invoke(ctx, "/test.v1.Echo/One", wrapperspb.String(resource), new(text), grpc.Header(&header), grpc.Trailer(&trailer))
	} else {
		desc := &grpc.StreamDesc{ServerStreams: true, ClientStreams: method != "Many"}
		cs, failed := conn.NewStream(ctx, desc, "/test.v1.Echo/"+method)
		if failed != nil {
			t.Fatal(failed)
		}
		_ = cs.SendMsg(wrapperspb.String(resource))
		_ = cs.CloseSend()
		if err = cs.RecvMsg(new(text)); err == io.EOF {
			err = nil
		}
		header, _ = cs.Header()
		trailer = cs.Trailer()
	}
	encoded, encodeErr := proto.MarshalOptions{Deterministic: true}.Marshal(status.Convert(err).Proto())
	if encodeErr != nil {
		t.Fatal(encodeErr)
	}
	return answer{string(encoded), fmt.Sprint(header), fmt.Sprint(trailer)}
}

// TestHiddenExistence holds that a missing resource and a forbidden one have the same response,
// byte for byte, whatever error the method returns for a missing one.
func TestHiddenExistence(t *testing.T) {
	const unknownText = "library.example.com/TEXT_UNKNOWN"
	missing := map[string]error{
		"with a reason": rpcerr.Reason(unknownText).Errorf(codes.NotFound, "no text %q", "ada/1").WithResource("Text", "ada/1", "").WithCause(io.EOF),
		"a status":      status.Error(codes.NotFound, "row 7"),
		"wrapped":       fmt.Errorf("find: %w", status.Error(codes.NotFound, "row 7")),
		"permission":    rpcerr.ReasonMissingPermission.Errorf(codes.PermissionDenied, "lacks"),
	}
	for name, err := range missing {
		for _, masking := range []bool{true, false} {
			opts := []server.Option{server.WithAuthorizer(new(asked))}
			if !masking {
				opts = append(opts, server.WithErrorMasking(false))
			}
			srv := serveGuarded(t, guarded(runtime.Permission{HideExistence: true}),
				echotest.Behaving(func(context.Context) error { return err }), opts...)
			for kind := range echotest.Kinds {
				missing, forbidden := answerOf(t, srv.Conn, kind, "ada/1"), answerOf(t, srv.Conn, kind, "bob/1")
				if missing != forbidden {
					t.Errorf("%s, %s, masking %v:\nmissing   %q\nforbidden %q", kind, name, masking, missing, forbidden)
				}
			}
			if got := send(asUser(t, "ada"), srv.Conn, "One", "ada/1"); rpcerr.ReasonOf(got) != rpcerr.ReasonResourceNotFound {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
	other := serveGuarded(t, guarded(runtime.Permission{HideExistence: true}), echotest.Behaving(func(context.Context) error {
		return rpcerr.Reason(unknownText).Errorf(codes.FailedPrecondition, "no")
	}), server.WithAuthorizer(new(asked)))
	if err := send(asUser(t, "ada"), other.Conn, "One", "ada/1"); rpcerr.ReasonOf(err) != unknownText {
		t.Errorf("another error is hidden: %v", err)
	}
}

// TestHiddenExistenceIsLogged holds that the log tells what the caller must not know.
func TestHiddenExistenceIsLogged(t *testing.T) {
	log := new(echotest.Records)
	srv := serveGuarded(t, guarded(runtime.Permission{HideExistence: true}), echotest.Behaving(func(context.Context) error {
		return status.Error(codes.NotFound, "row 7")
	}), server.WithAuthorizer(new(asked)), server.WithLogger(log.Logger(-8)))
	for resource, want := range map[string]string{"ada/1": "row 7", "bob/1": "lacks the permission texts.read"} {
		log.Reset()
		_ = send(asUser(t, "ada"), srv.Conn, "One", resource)
		for start := time.Now(); !strings.Contains(log.Text(), want); time.Sleep(time.Millisecond) {
			if time.Since(start) > time.Minute {
				t.Fatalf("%s: the log has\n%s", resource, log.Text())
			}
		}
	}
}

// TestServersWithoutAnAuthorizer holds that a server that cannot check a permission does not start.
func TestServersWithoutAnAuthorizer(t *testing.T) {
	admitAll, authorizer := server.WithoutAuthentication(), server.WithAuthorizer(new(asked))
	authenticator := server.WithAuthenticator(byUser)
	broken := guarded(runtime.Permission{})
	broken.Permission.Resource = "name"
	for name, test := range map[string]struct {
		policy runtime.Policy
		opts   []server.Option
		want   string
	}{
		"no authorizer":        {guarded(runtime.Permission{}), []server.Option{authenticator}, "the policy of test.v1.Echo/One, test.v1.Echo/Many, test.v1.Echo/Join, test.v1.Echo/Chat requires a permission, but the server has no authorizer; pass WithAuthorizer, or WithoutAuthentication to admit every caller"},
		"no authenticator":     {guarded(runtime.Permission{}), []server.Option{authorizer, admitAll}, "requires a permission, but the server has no authenticator; pass WithAuthenticator"},
		"a nil authorizer":     {runtime.Policy{}, []server.Option{server.WithAuthorizer((*asked)(nil))}, "WithAuthorizer(nil)"},
		"a wrong field":        {broken, []server.Option{authenticator, authorizer}, `test.v1.Echo/One: the permission cannot be checked: permission.resource: google.protobuf.StringValue has no field "name"; want one of value`},
		"admits all":           {guarded(runtime.Permission{}), []server.Option{admitAll}, ""},
		"admits all, in tests": {guarded(runtime.Permission{}), []server.Option{authenticator, admitAll, authorizer}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := server.New(append(test.opts, server.WithDrainDelay(0))...)
			server.Register[echotest.Service](srv, echotest.TableWith(test.policy), echotest.Funcs{})
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			err := srv.Run(ctx, "127.0.0.1:0")
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Run: %v, want %q", err, test.want)
			}
		})
	}
}

// TestPermissionWithoutAuthentication holds that an authorizer is asked even on a server that
// admits all callers, and that callers without a principal are rejected.
func TestPermissionWithoutAuthentication(t *testing.T) {
	srv := serveGuarded(t, guarded(runtime.Permission{}), echotest.Behaving(succeed),
		server.WithoutAuthentication(), server.WithAuthorizer(new(asked)))
	for user, want := range map[string]codes.Code{"ada": codes.OK, "bob": codes.PermissionDenied, "": codes.Unauthenticated} {
		for kind := range echotest.Kinds {
			if err := send(asUser(t, user), srv.Conn, kind, "ada/1"); status.Code(err) != want {
				t.Errorf("%s by %q: %v, want %v", kind, user, err, want)
			}
		}
	}
}

// TestPermissionOnAnotherServer holds that a method on a server of the user's, which no error can
// keep from starting, rejects every call.
func TestPermissionOnAnotherServer(t *testing.T) {
	target := grpc.NewServer()
	registrar := server.On(target, server.WithAuthenticator(byUser))
	server.Register[echotest.Service](registrar, echotest.TableWith(guarded(runtime.Permission{})), echotest.Behaving(succeed))
	conn := echotest.ServeGRPC(t, target)
	for kind := range echotest.Kinds {
		if err := send(asUser(t, "ada"), conn, kind, "ada/1"); status.Code(err) != codes.Internal {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestPermissionInMethods asks for permissions that no policy requires.
func TestPermissionInMethods(t *testing.T) {
	auth := new(asked)
	method := func(ctx context.Context, req *text) (*text, error) {
		names := strings.Split(req.GetValue(), " ")
		kept, err := permission.Filter(ctx, "texts.get", names, func(s string) string { return s })
		if err != nil {
			return nil, err
		}
		return wrapperspb.String(strings.Join(kept, " ")), permission.Check(ctx, "texts.get", names[0])
	}
	srv := serveGuarded(t, runtime.Policy{Auth: &runtime.Auth{Public: true}}, echotest.Funcs{OneFunc: method}, server.WithAuthorizer(auth))
	resp := new(text)
	if err := srv.Conn.Invoke(asUser(t, "ada"), "/test.v1.Echo/One", wrapperspb.String("ada/1 bob/1  ada/2"), resp); err != nil || resp.GetValue() != "ada/1 ada/2" {
		t.Errorf("%v, %v", resp, err)
	}
	if got, want := auth.take(), []string{`ada texts.get ["ada/1" "bob/1" "ada/2"]`, `ada texts.get ["ada/1"]`}; !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
	if err := send(asUser(t, "ada"), srv.Conn, "One", "bob/1"); rpcerr.ReasonOf(err) != rpcerr.ReasonMissingPermission {
		t.Errorf("a forbidden resource: %v", err)
	}
	if err := send(asUser(t, ""), srv.Conn, "One", "ada/1"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("an unauthenticated caller: %v", err)
	}
	many := strings.TrimSpace(strings.Repeat("ada/1 ", 2*server.MaxResources+1))
	auth.take()
	if err := send(asUser(t, "ada"), srv.Conn, "One", many); err != nil || len(auth.take()) != 4 {
		t.Errorf("many resources: %v", err)
	}
	if _, err := permission.Allowed(t.Context(), "texts.get", []string{"ada/1"}); status.Code(err) != codes.Internal {
		t.Errorf("outside a call: %v", err)
	}
	without := serveGuarded(t, runtime.Policy{Auth: &runtime.Auth{}}, echotest.Funcs{OneFunc: method})
	if err := send(asUser(t, "ada"), without.Conn, "One", "ada/1"); status.Code(err) != codes.Internal {
		t.Errorf("without an authorizer: %v", err)
	}
	open := serveGuarded(t, runtime.Policy{Auth: &runtime.Auth{}}, echotest.Funcs{OneFunc: method}, server.WithoutAuthentication())
	if err := send(asUser(t, ""), open.Conn, "One", "ada/1"); err != nil {
		t.Errorf("on a server that admits all: %v", err)
	}
}

// TestPermissionOfAConfiguration sets and removes a permission when the server starts, for services
// of this plugin and of others.
func TestPermissionOfAConfiguration(t *testing.T) {
	const config = `{"test.v1.Echo/*": {"permission": {"name": "texts.read", "resource": "value"}, "auth": {}},
		"test.v1.Echo/Many": {"permission": {"name": ""}}}`
	for name, register := range map[string]func(*server.Server){
		"ours": func(srv *server.Server) {
			server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(succeed))
		},
		"third-party": func(srv *server.Server) {
			srv.RegisterService(&grpc.ServiceDesc{ServiceName: "test.v1.Echo", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
				MethodName: "One",
				Handler: func(_ any, ctx context.Context, decode func(any) error, around grpc.UnaryServerInterceptor) (any, error) {
					req := new(text)
					return req, decode(req)
				},
			}}}, struct{}{})
		},
	} {
		config := config
		if name == "third-party" {
			config = `{"test.v1.Echo/One": {"permission": {"name": "texts.read", "resource": "value"}, "auth": {}}}`
		}
		srv := echotest.StartServer(t, register, server.WithAuthenticator(byUser), server.WithAuthorizer(new(asked)),
			server.WithPolicy([]byte(config)))
		for resource, want := range map[string]codes.Code{"ada/1": codes.OK, "bob/1": codes.PermissionDenied, "": codes.InvalidArgument} {
			if err := send(asUser(t, "ada"), srv.Conn, "One", resource); status.Code(err) != want {
				t.Errorf("%s, %q: %v, want %v", name, resource, err, want)
			}
		}
		if err := send(asUser(t, "ada"), srv.Conn, "Many", "bob/1"); name == "ours" && err != nil {
			t.Errorf("a permission that is removed: %v", err)
		}
	}
	for config, want := range map[string]string{
		`{"test.v1.Echo/One": {"permission": {"name": "texts.read", "resource": "name"}}}`:                            `has no field "name"; want one of value`,
		`{"test.v1.Echo/One": {"permission": {"name": "texts.read"}}}`:                                                "permission.resource: it is not set",
		`{"test.v1.Echo/One": {"permission": {"name": "texts.read", "resource": "value"}, "auth": {"public": true}}}`: "permission.name: the method is public",
		`{"test.v1.Echo/One": {"permission": {"name": "texts.read", "resource": "value", "inherit": true}}}`:          "permission.inherit: it is for methods that stream requests; remove it",
	} {
		srv := server.New(server.WithAuthenticator(byUser), server.WithAuthorizer(new(asked)), server.WithPolicy([]byte(config)))
		server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := srv.Run(ctx, "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Run returned %v, want %q", config, err, want)
		}
	}
}

// TestReplaysRequireThePermission holds that a stored response is not sent to a caller that has
// lost the permission.
func TestReplaysRequireThePermission(t *testing.T) {
	var revoked atomic.Bool
	p := guarded(runtime.Permission{})
	p.IdempotencyKey = runtime.IdempotencyKey{Field: "value", Window: time.Hour}
	replays := 0
	srv := serveGuarded(t, p, echotest.Behaving(succeed), server.WithIdempotency(guardOf(func(
		ctx context.Context, _ proto.Message, run func(context.Context) (proto.Message, error),
	) (proto.Message, error) {
		replays++
		return wrapperspb.String("stored"), nil
	})), server.WithAuthorizer(server.AuthorizeEach(func(context.Context, *runtime.Principal, string, string) (bool, error) {
		return !revoked.Load(), nil
	})))
	if err := send(asUser(t, "ada"), srv.Conn, "One", "ada/1"); err != nil || replays != 1 {
		t.Fatal(err, replays)
	}
	revoked.Store(true)
	if err := send(asUser(t, "ada"), srv.Conn, "One", "ada/1"); status.Code(err) != codes.PermissionDenied || replays != 1 {
		t.Errorf("%v, %d replays", err, replays)
	}
}

// guardOf is an idempotency guard of a function.
type guardOf server.IdempotencyFunc

func (g guardOf) Bind(runtime.MethodInfo) server.IdempotencyFunc { return server.IdempotencyFunc(g) }

// TestInterceptorsCannotChangeTheResource holds that the request that reaches the method is the one
// that was checked, if an interceptor of the server replaces it before.
func TestInterceptorsCannotChangeTheResource(t *testing.T) {
	change := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return handler(ctx, wrapperspb.String("bob/1"))
	}
	srv := serveGuarded(t, guarded(runtime.Permission{}), echotest.Behaving(succeed), server.WithAuthorizer(new(asked)),
		server.WithGRPCOptions(grpc.UnaryInterceptor(change)))
	if err := send(asUser(t, "ada"), srv.Conn, "One", "ada/1"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("got %v", err)
	}
}

// TestLongNames holds that a resource with a name that no authorizer should see is rejected.
func TestLongNames(t *testing.T) {
	auth := new(asked)
	srv := serveGuarded(t, guarded(runtime.Permission{}), echotest.Behaving(succeed), server.WithAuthorizer(auth))
	for kind := range echotest.Kinds {
		if err := send(asUser(t, "ada"), srv.Conn, kind, "ada/"+strings.Repeat("x", 2048)); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if got := auth.take(); len(got) > 0 {
		t.Errorf("asked %.100q", got)
	}
}
