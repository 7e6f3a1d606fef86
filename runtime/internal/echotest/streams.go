package echotest

import (
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	streams "github.com/grpcservice/grpcservice/runtime/stream"
)

// Texts returns a stream of the values.
func Texts(values ...string) runtime.Stream[Text] {
	return func(yield func(*Text, error) bool) {
		for _, value := range values {
			if !yield(wrapperspb.String(value), nil) {
				return
			}
		}
	}
}

// Endless yields messages until the consumer stops.
func Endless(yield func(*Text, error) bool) {
	for yield(wrapperspb.String("more"), nil) {
	}
}

// Gather returns the values of s and its error.
func Gather(s runtime.Stream[Text]) (values []string, err error) {
	msgs, err := streams.Collect(s)
	for _, msg := range msgs {
		values = append(values, msg.GetValue())
	}
	return values, err
}
