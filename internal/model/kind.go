package model

// Kind is the shape of an RPC.
type Kind int

// The kinds of RPC.
const (
	Unary Kind = iota
	ServerStream
	ClientStream
	Bidi
)

// kindOf returns the kind of an RPC by the directions that stream.
func kindOf(requests, responses bool) Kind {
	switch {
	case requests && responses:
		return Bidi
	case requests:
		return ClientStream
	case responses:
		return ServerStream
	default:
		return Unary
	}
}

// String returns the name of the kind, as in the names of the runtime's functions.
func (k Kind) String() string {
	return [...]string{"Unary", "ServerStream", "ClientStream", "Bidi"}[k]
}

// StreamsRequests reports whether the client sends a stream.
func (k Kind) StreamsRequests() bool { return k == ClientStream || k == Bidi }

// StreamsResponses reports whether the server sends a stream.
func (k Kind) StreamsResponses() bool { return k == ServerStream || k == Bidi }
