package pgstore

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Option configures [Open] and [Migrate].
type Option func(*config)

// config holds the options.
type config struct {
	schema string
	logger *slog.Logger
	errs   []error
}

// DefaultSchema is the default schema of the tables.
const DefaultSchema = "grpcservice"

// maxSchema is the maximum length of a schema's name in bytes, which leaves room for the rest of
// the name of a channel.
const maxSchema = 40

func newConfig(opts []Option) (config, error) {
	c := config{schema: DefaultSchema, logger: slog.Default()}
	for _, opt := range opts {
		opt(&c)
	}
	return c, errors.Join(c.errs...)
}

// WithSchema sets the schema of the tables, instead of [DefaultSchema]. Applications that share a
// database use different schemas. The name has at most 40 bytes.
func WithSchema(name string) Option {
	return func(c *config) {
		if name == "" || len(name) > maxSchema || strings.HasPrefix(name, "pg_") || strings.ContainsRune(name, 0) {
			c.errs = append(c.errs, fmt.Errorf("pgstore.WithSchema(%q): "+
				"pass a name of 1 to %d bytes that does not start with pg_", name, maxSchema))
			return
		}
		c.schema = name
	}
}

// WithLogger sets the logger for lost connections, instead of slog's default logger.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) {
		if logger == nil {
			c.errs = append(c.errs, errors.New("pgstore.WithLogger(nil): "+
				"pass a logger, or slog.New(slog.DiscardHandler) to disable logging"))
			return
		}
		c.logger = logger
	}
}
