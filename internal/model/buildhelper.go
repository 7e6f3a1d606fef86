package model

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Helped is the result of detecting a pattern that has a helper.
type Helped interface {
	pattern.Found
	// Helper returns the helper of a method. It leaves the fields that are common to all patterns
	// empty.
	Helper(*Scope) Helper
}

// buildHelper models the helper of an RPC. It returns nil if no pattern of the RPC has a helper.
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

// patternDoc returns the lines that name the pattern of an RPC and the reason for it. Unless the
// pattern is certain, they also name the option to set.
func patternDoc(option string, f pattern.Finding) []string {
	text := fmt.Sprintf("Pattern: %s, %s. %s.", option, f.Level, capitalized(f.Reason))
	if f.Level == pattern.Likely {
		text += " " + likelyAdvice(option, f)
	}
	return append([]string{""}, wrap(text)...)
}

// warnLikely warns about a helper that may be unintended.
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
