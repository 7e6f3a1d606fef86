package apikey

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/incoming"
	"github.com/grpcservice/grpcservice/runtime/internal/reload"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Authenticator authenticates calls by their API key. It implements [server.Authenticator].
//
// A call without a key is left to the next authenticator. An unknown or expired key, or more than
// one, makes the call UNAUTHENTICATED. The Claims of a principal are the [Key].
type Authenticator struct {
	settings
	table func() *table
	check func() error
}

// New returns an authenticator that knows keys. It returns an error that names the first key
// without a hash or a principal, and a key that is listed twice.
func New(keys []Key, opts ...Option) (*Authenticator, error) {
	if len(keys) == 0 {
		return nil, errors.New("apikey: there is no key; pass at least one")
	}
	s, err := newSettings(opts)
	if err != nil {
		return nil, fmt.Errorf("apikey: %w", err)
	}
	t, err := newTable(keys)
	if err != nil {
		return nil, fmt.Errorf("apikey: %w", err)
	}
	return &Authenticator{
		settings: s, table: func() *table { return t }, check: func() error { return nil },
	}, nil
}

// Open returns an authenticator that knows the keys in a JSON file:
//
//	{"keys": [
//	  {"hash": "9f86d081…0a08", "principal": "ci", "scopes": ["books.read"], "expires": "2027-01-31T00:00:00Z"}
//	]}
//
// Scopes and expires may be left out. The file has at most 8 MiB. It is checked for changes at most
// once a second, while calls arrive. A file that cannot be used is logged, and the keys that were
// read before stay valid until they expire. To revoke all keys, write an empty list.
func Open(path string, opts ...Option) (*Authenticator, error) {
	s, err := newSettings(opts)
	if err != nil {
		return nil, fmt.Errorf("apikey: %w", err)
	}
	parse := func(contents [][]byte) (*table, error) {
		t, err := parseFile(contents[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return t, nil
	}
	value, err := reload.Open(parse, s.notify(path), path)
	if err != nil {
		return nil, fmt.Errorf("apikey: %w", err)
	}
	return &Authenticator{settings: s, table: value.Get, check: value.Check}, nil
}

// Check reads the file of [Open] if it has changed, and returns why it cannot be used: for
// readiness, and for tests of a configuration.
func (a *Authenticator) Check() error { return a.check() }

// Bind implements [server.Authenticator].
func (a *Authenticator) Bind(runtime.MethodInfo) server.AuthenticateFunc { return a.authenticate }

var (
	errUnknown  = errors.New("the API key is not known")
	errRepeated = errors.New("the call has more than one API key")
)

func (a *Authenticator) authenticate(ctx context.Context) (*runtime.Principal, error) {
	key, err := a.keyOf(incoming.Values(ctx, a.header))
	if key == "" || err != nil {
		return nil, err
	}
	if err := checkRandom(key); err != nil {
		return nil, err
	}
	found := a.table().find(hashOf(key))
	if found == nil {
		return nil, errUnknown
	}
	if !found.expires.IsZero() && !time.Now().Before(found.expires) {
		return nil, expired(found)
	}
	return found.principal, nil
}

// keyOf returns the key among the values of the header; "" if there is none.
func (a *Authenticator) keyOf(values []string) (string, error) {
	if a.scheme == "" {
		switch {
		case len(values) > 1:
			return "", errRepeated
		case len(values) == 1 && values[0] == "":
			return "", errShort
		case len(values) == 1:
			return values[0], nil
		}
		return "", nil
	}
	var found string
	for _, value := range values {
		scheme, key, _ := strings.Cut(value, " ")
		switch key = strings.TrimLeft(key, " "); {
		case !strings.EqualFold(scheme, a.scheme):
		case key == "":
			return "", errShort
		case len(values) > 1: // of any scheme: authorization occurs once
			return "", errRepeated
		default:
			found = key
		}
	}
	return found, nil
}

// expired is the error of a call with a key that was valid. The caller, who has the key, may know.
func expired(k *known) error {
	return rpcerr.ReasonUnauthenticated.
		Errorf(codes.Unauthenticated, "the API key has expired; use a new one").
		WithCause(fmt.Errorf("API key %v of %s expired at %s",
			k.hash, k.principal.ID, k.expires.Format(time.RFC3339)))
}
