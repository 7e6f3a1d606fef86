package roles

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/reload"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Roles is a [server.Authorizer] with the roles of a file. Its methods may be called concurrently.
type Roles struct {
	current func() *rules
	check   func() error
	logger  *slog.Logger
}

// Option configures [Open].
type Option func(*Roles)

// WithLogger sets the logger for changes of the file, instead of [slog.Default].
func WithLogger(logger *slog.Logger) Option {
	return func(r *Roles) {
		if logger != nil {
			r.logger = logger
		}
	}
}

// Open reads the roles of a file. While the server runs, the file is read again at most once a
// second. A change is logged at INFO. A file that is wrong or missing is logged at ERROR, once, and
// the roles stay as they are. The error of Open has the position of each mistake.
func Open(path string, opts ...Option) (*Roles, error) {
	r := &Roles{logger: slog.Default()}
	for _, opt := range opts {
		opt(r)
	}
	parse := func(contents [][]byte) (*rules, error) { return parse(path, contents[0]) }
	value, err := reload.Open(parse, func(err error) { r.note(path, err) }, path)
	if err != nil {
		return nil, fmt.Errorf("roles: %w", err)
	}
	r.current, r.check = value.Get, value.Check
	return r, nil
}

// note logs that the file has changed, or why it cannot be used.
func (r *Roles) note(path string, err error) {
	if err != nil {
		r.logger.Error("the roles stay as they are, because their file cannot be used",
			"file", path, "error", err)
		return
	}
	r.logger.Info("the roles have changed", "file", path)
}

// Parse returns the roles of the content of a file, for tests and for content from elsewhere.
func Parse(content []byte) (*Roles, error) {
	parsed, err := parse("", content)
	if err != nil {
		return nil, fmt.Errorf("roles: %w", err)
	}
	return &Roles{
		current: func() *rules { return parsed },
		check:   func() error { return nil },
		logger:  slog.Default(),
	}, nil
}

// Check reads the file, and returns what is wrong with it; nil if its roles are in use.
func (r *Roles) Check() error { return r.check() }

// Bind implements [server.Authorizer]. It logs a warning if no role has the permission that the
// policy of a method requires.
func (r *Roles) Bind(info runtime.MethodInfo) server.AuthorizeFunc {
	if name := info.Policy.Permission.Name; name != "" && !r.current().knows(name) {
		r.logger.Warn("no role has the permission of a method",
			"method", info.FullMethod, "permission", name)
	}
	return r.authorize
}

func (r *Roles) authorize(_ context.Context, access server.Access, allowed []bool) error {
	r.current().decide(access.Principal, access.Permission, access.Resources, allowed)
	return nil
}

// Has reports whether a principal has a permission on a resource.
func (r *Roles) Has(principal *runtime.Principal, permission, resource string) bool {
	allowed := []bool{false}
	r.current().decide(principal, permission, []string{resource}, allowed)
	return allowed[0]
}
