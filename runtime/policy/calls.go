package policy

import "fmt"

// calls is a set of kinds of methods, to which an option or a pattern applies.
type calls int

const (
	ofUnary calls = 1 << iota
	ofServerStream
	ofClientStream
	ofBidi

	ofStreams = ofServerStream | ofClientStream | ofBidi
)

// String returns the kinds as a sentence has them: "it is for " and then this.
func (of calls) String() string {
	switch of {
	case ofUnary:
		return "methods without a stream"
	case ofStreams:
		return "streams"
	case ofServerStream:
		return "methods that only stream responses"
	case ofClientStream:
		return "methods that only stream requests"
	case ofBidi:
		return "methods that stream both requests and responses"
	case ofServerStream | ofBidi:
		return "methods that stream responses"
	case ofClientStream | ofBidi:
		return "methods that stream requests"
	default:
		return "methods of other kinds"
	}
}

// have reports whether a method is of one of the kinds.
func (of calls) have(m Method) bool { return of&m.kind() != 0 }

// misfit returns why a method cannot have what is for methods of these kinds, or "".
func (of calls) misfit(m Method) string {
	if of.have(m) {
		return ""
	}
	return fmt.Sprintf("it is for %s; remove it", of)
}

// kind returns the kind of the method.
func (m Method) kind() calls {
	switch {
	case m.ClientStreams && m.ServerStreams:
		return ofBidi
	case m.ClientStreams:
		return ofClientStream
	case m.ServerStreams:
		return ofServerStream
	default:
		return ofUnary
	}
}

// unary reports whether the method is without a stream.
func (m Method) unary() bool { return m.kind() == ofUnary }
