package pattern

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Kinds is a set of kinds of methods.
type Kinds int

// The kinds of methods.
const (
	Unary Kinds = 1 << iota
	ServerStream
	ClientStream
	Bidi
)

// kindsOf returns the kind of a method.
func kindsOf(method protoreflect.MethodDescriptor) Kinds {
	switch {
	case method.IsStreamingClient() && method.IsStreamingServer():
		return Bidi
	case method.IsStreamingClient():
		return ClientStream
	case method.IsStreamingServer():
		return ServerStream
	default:
		return Unary
	}
}

func (k Kinds) have(method protoreflect.MethodDescriptor) bool { return k&kindsOf(method) != 0 }

// others completes the sentence "it names a field of a method", for a method that is none of these
// kinds.
func (k Kinds) others(method protoreflect.MethodDescriptor) string {
	if k == Unary {
		return "that streams, and is for methods without a stream"
	}
	return fmt.Sprintf("with %s, and is for methods with %s", kindsOf(method).streams(), k.streams())
}

// streams describes the streams of methods of these kinds.
func (k Kinds) streams() string {
	var all []string
	for _, kind := range []struct {
		kind Kinds
		text string
	}{
		{Unary, "no stream"}, {ServerStream, "a stream of responses"}, {ClientStream, "a stream of requests"}, {Bidi, "two streams"},
	} {
		if k&kind.kind != 0 {
			all = append(all, kind.text)
		}
	}
	return strings.Join(all, " or ")
}
