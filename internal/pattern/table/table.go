// Package table is the table of patterns.
package table

import (
	"slices"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/batch"
	"github.com/grpcservice/grpcservice/internal/pattern/bulk"
	"github.com/grpcservice/grpcservice/internal/pattern/handshake"
	"github.com/grpcservice/grpcservice/internal/pattern/idempotency"
	"github.com/grpcservice/grpcservice/internal/pattern/operation"
	"github.com/grpcservice/grpcservice/internal/pattern/page"
	"github.com/grpcservice/grpcservice/internal/pattern/room"
	"github.com/grpcservice/grpcservice/internal/pattern/search"
	"github.com/grpcservice/grpcservice/internal/pattern/subscription"
	"github.com/grpcservice/grpcservice/internal/pattern/upload"
)

// Patterns returns all patterns, in order of precedence.
func Patterns() []pattern.Pattern {
	return []pattern.Pattern{
		operation.Pattern(),
		operation.GetterPattern(),
		operation.ActionPattern(),
		page.Pattern(),
		batch.Pattern(),
		subscription.Pattern(),
		search.Pattern(),
		upload.Pattern(),
		bulk.Pattern(),
		handshake.Pattern(),
		room.Pattern(),
		idempotency.Pattern(),
	}
}

// Packages returns the runtime packages that patterns use: those of their helpers and of their
// dependencies.
func Packages() (packages []pattern.Package) {
	add := func(p pattern.Package) {
		if p.Name != "" && !slices.Contains(packages, p) {
			packages = append(packages, p)
		}
	}
	for _, p := range Patterns() {
		add(p.Package)
		if d := p.Needs.Dependency; d != nil {
			add(d.Package)
		}
	}
	return packages
}
