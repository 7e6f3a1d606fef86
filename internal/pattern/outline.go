package pattern

// Outline is what the names in a request say about a unary method whose messages are not decoded. No
// policy says anything about the method.
//
// The names are in the form of [shape.Letters]: names that patterns treat as equal are equal.
type Outline struct {
	Method            string
	Request, Response []string // the fields
	// ListsRequests reports whether the request may have a list of the requests of a method of the
	// same service.
	ListsRequests bool
}

// Reads is how much a pattern reads of a method's messages before it is certain that the method does
// not have the pattern.
type Reads int

const (
	// ReadsNothing means that the method does not have the pattern.
	ReadsNothing Reads = iota
	// ReadsRequest means that the pattern reads the fields of the request, but not the messages
	// that they hold.
	ReadsRequest
	// ReadsBoth means that the pattern reads the fields of the request and of the response, and of
	// the messages that they hold. It may also read the requests and responses of other methods of
	// the service.
	ReadsBoth
)

// MayRead returns how much the pattern reads of a method. A result that is too high costs time, and
// one that is too low loses findings.
func (p Pattern) MayRead(o Outline) Reads {
	if p.Reads == nil {
		return ReadsBoth
	}
	return p.Reads(o)
}
