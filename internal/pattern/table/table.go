// Package table is the table of patterns.
package table

import (
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/batch"
	"github.com/grpcservice/grpcservice/internal/pattern/idempotency"
	"github.com/grpcservice/grpcservice/internal/pattern/operation"
	"github.com/grpcservice/grpcservice/internal/pattern/page"
)

// Patterns returns all patterns, in the order of their precedence.
func Patterns() []pattern.Pattern {
	return []pattern.Pattern{
		operation.Pattern(),
		operation.GetterPattern(),
		page.Pattern(),
		batch.Pattern(),
		idempotency.Pattern(),
	}
}
