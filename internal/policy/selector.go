package policy

import (
	"fmt"
	"strings"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// selector matches one method, all methods of a service, all methods of a package and the packages
// below it, or all methods.
type selector struct {
	text    string
	service string // the full name of a service, or a prefix of it that ends in a dot
	method  string // the name of a method, or "" for all
}

var selectorSyntax = lazyregexp.New(`^(\*|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.\*|/\*|/[A-Za-z_]\w*))$`)

// parseSelector parses a method pattern.
func parseSelector(text string) (selector, error) {
	if !selectorSyntax.MatchString(text) {
		return selector{}, fmt.Errorf(`%q names no methods; want a method ("library.v1.BookService/GetBook"), a service ("library.v1.BookService/*"), a package ("library.v1.*") or all ("*")`, text)
	}
	service, method, _ := strings.Cut(text, "/")
	return selector{text: text, service: strings.TrimSuffix(service, "*"), method: strings.TrimSuffix(method, "*")}, nil
}

// ofService reports whether the pattern names a service, not just a prefix of its name.
func (p selector) ofService() bool { return strings.Contains(p.text, "/") }

// isExact reports whether the pattern names one method.
func (p selector) isExact() bool { return p.method != "" }

// matches reports whether the pattern matches a method.
func (p selector) matches(service, method string) bool {
	if p.ofService() {
		return p.service == service && (p.method == "" || p.method == method)
	}
	return strings.HasPrefix(service, p.service)
}

// specificity ranks the patterns that match a method: the more of its name a pattern spells out,
// the higher it ranks.
func specificity(text string) int {
	names := strings.Count(text, ".") + 2*strings.Count(text, "/")
	if strings.HasSuffix(text, "*") {
		return 2 * names
	}
	return 2*names + 1
}
