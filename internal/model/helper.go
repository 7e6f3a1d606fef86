package model

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Helper is the variable that serves and calls an RPC by its pattern.
type Helper struct {
	Pattern     string // its name
	Name        string
	Summary     string // the first sentence of Doc, without the name that starts it
	Doc         []string
	Package     string         // the runtime's package: "page"
	Constructor string         // the function of that package that makes it
	Types       []golang.Ident // the type arguments that do not follow from the rest
	Arguments   any            // what helper_<pattern>.go.tmpl renders: a type of the pattern's package
	Stub        any            // what a user's method spells at first: a view.Stub of the pattern's package
	Work        string         // the name of the user's method that does the work later, or ""
	Doubt       Doubt          // what the user has to check once a method is written
	Deprecated  bool           // whether it names something that is deprecated
	Needs       pattern.Needs  // what it needs of the program
	Takes       []golang.Ident // the type arguments of the dependency that the pattern's row declares
	Dependency  *Dependency    // that dependency, or nil
}

// Doubt is what the protos leave open about a method that calls a helper. It is zero where they do not.
type Doubt struct {
	At   diag.Position // the RPC
	Text string
}

// Helped is what a pattern with a helper found.
type Helped interface {
	pattern.Found
	// Helper returns the helper of a method; the fields that are the same for all patterns are left empty.
	Helper(*Scope) Helper
}

// StartsOperations reports whether an RPC of the service starts operations.
func (s Service) StartsOperations() bool {
	return slices.ContainsFunc(s.Methods, func(m Method) bool { return m.Helper != nil && m.Helper.Work != "" })
}

// helperNames returns the names that the helper of an RPC may have, the preferred one first. They start with the service, as
// more than one service of a package may have an RPC of that name.
func helperNames(m *protogen.Method, h *Helper) []string {
	name := m.Parent.GoName + m.GoName
	return []string{name, name + capitalized(h.Package)}
}

// setName names the helper.
func (h *Helper) setName(name string) {
	h.Name = name
	h.Doc = append(wrap(name+" "+h.Summary), h.Doc...)
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

func capitalized(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// wrap breaks a text into lines of a comment.
func wrap(text string) []string {
	const longest = 97
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > longest {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
