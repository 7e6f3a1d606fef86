package apikey_test

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/apikey"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// The keys of the tests.
const (
	ciKey      = "test_0123456789abcdefghijklmnopqrstuv"
	ciNewKey   = "test_wxyzabcdefghijklmnopqrst01234567"
	adaKey     = "test_ADAADAADAada0123456789abcdefghij"
	expiredKey = "test_EXPIREDexpired0123456789abcdefgh"
	unknownKey = "test_UNKNOWNunknown0123456789abcdefgh"
)

func hashOf(t testing.TB, key string) apikey.Hash {
	t.Helper()
	hash, err := apikey.HashOf(key)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func keysOf(t testing.TB) []apikey.Key {
	return []apikey.Key{
		{Hash: hashOf(t, ciKey), Principal: "ci", Scopes: []string{"read"}, Expires: time.Now().Add(time.Hour)},
		{Hash: hashOf(t, ciNewKey), Principal: "ci", Scopes: []string{"read", "write"}},
		{Hash: hashOf(t, adaKey), Principal: "ada"},
		{Hash: hashOf(t, expiredKey), Principal: "old", Scopes: []string{"read"}, Expires: time.Now().Add(-time.Second)},
	}
}

func newAuthenticator(t testing.TB, keys []apikey.Key, opts ...apikey.Option) *apikey.Authenticator {
	t.Helper()
	a, err := apikey.New(keys, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serve serves a method that needs the scope read, and records its callers.
func serve(t *testing.T, of server.Option, opts ...server.Option) (srv *echotest.Running, callers func() []string) {
	var mu sync.Mutex
	var got []string
	table := echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"read"}}})
	srv = echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, table, echotest.Behaving(func(ctx context.Context) error {
			call, _ := runtime.CallFromContext(ctx)
			mu.Lock()
			defer mu.Unlock()
			got = append(got, call.Principal().ID)
			return nil
		}))
	}, append(opts, of)...)
	return srv, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

func TestCallersAreAuthenticatedByTheirKeys(t *testing.T) {
	for name, test := range map[string]struct {
		opts   []apikey.Option
		header []string
		code   codes.Code
		caller string
	}{
		"no key":                   {nil, nil, codes.Unauthenticated, ""},
		"a key":                    {nil, []string{"x-api-key", ciKey}, codes.OK, "ci"},
		"another of the principal": {nil, []string{"x-api-key", ciNewKey}, codes.OK, "ci"},
		"capitals in the name":     {nil, []string{"X-Api-Key", ciKey}, codes.OK, "ci"},
		"without the scope":        {nil, []string{"x-api-key", adaKey}, codes.PermissionDenied, ""},
		"unknown":                  {nil, []string{"x-api-key", unknownKey}, codes.Unauthenticated, ""},
		"expired":                  {nil, []string{"x-api-key", expiredKey}, codes.Unauthenticated, ""},
		"empty":                    {nil, []string{"x-api-key", ""}, codes.Unauthenticated, ""},
		"cut":                      {nil, []string{"x-api-key", ciKey[:len(ciKey)-1]}, codes.Unauthenticated, ""},
		"longer":                   {nil, []string{"x-api-key", ciKey + "0"}, codes.Unauthenticated, ""},
		"other case":               {nil, []string{"x-api-key", strings.ToUpper(ciKey)}, codes.Unauthenticated, ""},
		"huge":                     {nil, []string{"x-api-key", strings.Repeat(ciKey, 10000)}, codes.Unauthenticated, ""},
		"twice":                    {nil, []string{"x-api-key", ciKey, "x-api-key", ciKey}, codes.Unauthenticated, ""},
		"two of different callers": {nil, []string{"x-api-key", ciKey, "x-api-key", adaKey}, codes.Unauthenticated, ""},
		"joined":                   {nil, []string{"x-api-key", ciKey + ", " + ciKey}, codes.Unauthenticated, ""},
		"binary header":            {nil, []string{"x-api-key-bin", ciKey}, codes.Unauthenticated, ""},
		"hash instead of the key":  {nil, []string{"x-api-key", "8a0e3a5b1f2c4d6e8f9aabbccddeeff00112233445566778899aabbccddeeff0"}, codes.Unauthenticated, ""},

		"another header":     {[]apikey.Option{apikey.WithHeader("X-Shop-Key")}, []string{"x-shop-key", ciKey}, codes.OK, "ci"},
		"not that header":    {[]apikey.Option{apikey.WithHeader("x-shop-key")}, []string{"x-api-key", ciKey}, codes.Unauthenticated, ""},
		"a scheme":           {[]apikey.Option{apikey.WithScheme("ApiKey")}, []string{"authorization", "ApiKey " + ciKey}, codes.OK, "ci"},
		"scheme, other case": {[]apikey.Option{apikey.WithScheme("ApiKey")}, []string{"authorization", "apikey  " + ciKey}, codes.OK, "ci"},
		"another scheme":     {[]apikey.Option{apikey.WithScheme("ApiKey")}, []string{"authorization", "Bearer " + ciKey}, codes.Unauthenticated, ""},
		"no scheme":          {[]apikey.Option{apikey.WithScheme("ApiKey")}, []string{"authorization", ciKey}, codes.Unauthenticated, ""},
		"scheme without key": {[]apikey.Option{apikey.WithScheme("ApiKey")}, []string{"authorization", "ApiKey"}, codes.Unauthenticated, ""},
		"two authorizations": {[]apikey.Option{apikey.WithScheme("ApiKey")}, []string{"authorization", "Bearer x", "authorization", "ApiKey " + ciKey}, codes.Unauthenticated, ""},
		"header, not scheme": {[]apikey.Option{apikey.WithScheme("ApiKey")}, []string{"x-api-key", ciKey}, codes.Unauthenticated, ""},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(echotest.Records)
			srv, callers := serve(t, server.WithAuthenticator(newAuthenticator(t, keysOf(t), test.opts...)),
				server.WithLogger(log.Logger(slog.LevelDebug)))
			for kind, call := range echotest.Kinds {
				ctx := metadata.AppendToOutgoingContext(echotest.Context(t), test.header...)
				err := call(ctx, srv.Conn)
				if status.Code(err) != test.code {
					t.Errorf("%s: %v, want %v", kind, err, test.code)
				}
				checkHidden(t, status.Convert(err).Message())
			}
			if err := srv.Stop(); err != nil {
				t.Error(err)
			}
			checkHidden(t, log.Text())
			got := callers()
			if len(got) == 0 && test.code == codes.OK {
				t.Error("the method did not run")
			}
			for _, caller := range got {
				if caller != test.caller {
					t.Errorf("the caller is %q, want %q", caller, test.caller)
				}
			}
		})
	}
}

// checkHidden checks that a text has none of the keys.
func checkHidden(t *testing.T, text string) {
	t.Helper()
	for _, key := range []string{ciKey, ciNewKey, adaKey, expiredKey, unknownKey} {
		if strings.Contains(text, key) || strings.Contains(text, key[:16]) {
			t.Errorf("a key is in %q", text)
		}
	}
}

// An invalid key rejects a call that has other credentials.
func TestAnInvalidKeyIsNotSkipped(t *testing.T) {
	certificate := server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) {
		return runtime.NewPrincipal("proxy", "read"), nil
	})
	srv, callers := serve(t, server.WithAuthenticator(newAuthenticator(t, keysOf(t)), certificate))
	for name, test := range map[string]struct {
		header []string
		want   codes.Code
	}{
		"none":     {nil, codes.OK},
		"valid":    {[]string{"x-api-key", ciKey}, codes.OK},
		"unknown":  {[]string{"x-api-key", unknownKey}, codes.Unauthenticated},
		"expired":  {[]string{"x-api-key", expiredKey}, codes.Unauthenticated},
		"empty":    {[]string{"x-api-key", ""}, codes.Unauthenticated},
		"repeated": {[]string{"x-api-key", ciKey, "x-api-key", ciKey}, codes.Unauthenticated},
	} {
		for kind, call := range echotest.Kinds {
			ctx := metadata.AppendToOutgoingContext(echotest.Context(t), test.header...)
			if err := call(ctx, srv.Conn); status.Code(err) != test.want {
				t.Errorf("%s with %s: %v, want %v", kind, name, err, test.want)
			}
		}
	}
	for _, caller := range callers() {
		if caller != "proxy" && caller != "ci" {
			t.Errorf("served %q", caller)
		}
	}
}

func TestKeysExpireWhileTheServerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthenticator(t, []apikey.Key{{Hash: hashOf(t, ciKey), Principal: "ci", Expires: time.Now().Add(time.Minute)}})
		authenticate := a.Bind(runtime.MethodInfo{})
		ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("x-api-key", ciKey))
		for after, valid := range []bool{true, true, false, false} {
			_, err := authenticate(ctx)
			if (err == nil) != valid {
				t.Errorf("after %d times 30 s: %v", after, err)
			}
			if !valid && (status.Convert(err).Message() != "the API key has expired; use a new one" || !strings.Contains(err.Error(), "of ci expired at")) {
				t.Errorf("the error is %q", err)
			}
			time.Sleep(30 * time.Second)
		}
	})
}

// A password is rejected even where somebody has listed its hash.
func TestKeysThatAreNotRandomAreRejectedByTheServer(t *testing.T) {
	for name, test := range weak {
		a := newAuthenticator(t, []apikey.Key{{Hash: sha256.Sum256([]byte(test.key)), Principal: "ci"}})
		ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("x-api-key", test.key))
		if p, err := a.Bind(runtime.MethodInfo{})(ctx); err == nil || p != nil {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func TestPrincipalsHaveTheirKey(t *testing.T) {
	scopes := []string{"read"}
	a := newAuthenticator(t, []apikey.Key{{Hash: hashOf(t, ciKey), Principal: "ci", Scopes: scopes}})
	scopes[0] = "admin" // the caller may reuse its slice
	p, err := a.Bind(runtime.MethodInfo{})(metadata.NewIncomingContext(context.Background(), metadata.Pairs("x-api-key", ciKey)))
	if err != nil || p.ID != "ci" || !p.HasScope("read") || p.HasScope("admin") {
		t.Fatalf("%v with %q, %v", p, p.Scopes(), err)
	}
	if key, ok := p.Claims.(apikey.Key); !ok || key.Hash != hashOf(t, ciKey) || key.Scopes[0] != "read" {
		t.Errorf("the claims are %v", p.Claims)
	}
}

func TestMistakesInKeysAndOptions(t *testing.T) {
	hash := hashOf(t, ciKey)
	good := []apikey.Key{{Hash: hash, Principal: "ci"}}
	for want, test := range map[string]struct {
		keys []apikey.Key
		opts []apikey.Option
	}{
		"there is no key":                        {nil, nil},
		"key 1: there is no hash":                {[]apikey.Key{{Principal: "ci"}}, nil},
		"key 2: there is no principal":           {append(good[:1:1], apikey.Key{Hash: hashOf(t, adaKey)}), nil},
		`principal "\x00ci"`:                     {[]apikey.Key{{Hash: hash, Principal: "\x00ci"}}, nil},
		"key 2: it has the hash of key 1":        {append(good[:1:1], apikey.Key{Hash: hash, Principal: "ada"}), nil},
		`WithHeader("")`:                         {good, []apikey.Option{apikey.WithHeader("")}},
		`WithHeader("x key")`:                    {good, []apikey.Option{apikey.WithHeader("x key")}},
		`WithHeader(":path")`:                    {good, []apikey.Option{apikey.WithHeader(":path")}},
		`WithHeader("x-key-bin"): the values of`: {good, []apikey.Option{apikey.WithHeader("X-Key-Bin")}},
		`WithHeader("grpc-timeout"): gRPC uses`:  {good, []apikey.Option{apikey.WithHeader("grpc-timeout")}},
		`WithScheme("")`:                         {good, []apikey.Option{apikey.WithScheme("")}},
		`WithScheme("Api Key")`:                  {good, []apikey.Option{apikey.WithScheme("Api Key")}},
		`WithLogger(nil)`:                        {good, []apikey.Option{apikey.WithLogger(nil)}},
	} {
		if _, err := apikey.New(test.keys, test.opts...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
