package model

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Helped is what a pattern with a helper found.
type Helped interface {
	pattern.Found
	// Helper returns the helper of a method; the fields that are the same for all patterns are left empty.
	Helper(*Scope) Helper
}

// buildHelper models the helper of an RPC, or returns nil where it has no pattern with one.
func (b *builder) buildHelper(s source, m *protogen.Method, found pattern.Result) *Helper {
	for _, match := range found.Matches {
		if helped, ok := match.Found.(Helped); ok {
			return b.helperOf(match, helped, &Scope{builder: b, source: s, method: m})
		}
	}
	return nil
}

func (b *builder) helperOf(match pattern.Match, helped Helped, scope *Scope) *Helper {
	p := match.Pattern
	h := helped.Helper(scope)
	h.Pattern, h.Package, h.Needs, h.Deprecated = p.Name, p.Package.Name, p.Needs, scope.deprecated
	if p.Needs.Dependency != nil {
		h.Dependency = &Dependency{Dependency: *p.Needs.Dependency, Types: h.Takes}
	}
	h.Doc = patternDoc(p.Topic(), match.Finding)
	b.warnLikely(scope.method, p, match.Finding)
	return &h
}

// patternDoc says which pattern an RPC has, why, and, unless that is certain, what to do about it.
func patternDoc(option string, f pattern.Finding) []string {
	text := fmt.Sprintf("Pattern: %s, %s. %s.", option, f.Level, capitalized(f.Reason))
	if f.Level == pattern.Likely {
		text += " " + likelyAdvice(option, f)
	}
	return append([]string{""}, wrap(text)...)
}

// warnLikely warns of a helper that may not be meant.
func (b *builder) warnLikely(m *protogen.Method, p pattern.Pattern, f pattern.Finding) {
	if f.Level == pattern.Likely {
		b.problems.Warnf(atRPC(m), "it is likely, but not certain, to have the pattern %s (%s). %s", p.Topic(), f.Reason,
			strings.TrimSuffix(likelyAdvice(p.Topic(), f), "."))
	}
}

func likelyAdvice(option string, f pattern.Finding) string {
	off := fmt.Sprintf("%s: {off: true}", option)
	if f.Advice == "" {
		return fmt.Sprintf("If it does not, set the option %s.", off)
	}
	return fmt.Sprintf("To confirm it, set the option %s; to disable it, %s.", f.Advice, off)
}
