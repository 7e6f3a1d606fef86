package encoded

import "google.golang.org/protobuf/proto"

// Few returns what a stream of few sends for the message.
func (s *Shared[T]) Few() proto.Message { return s.variants.Sendable(nil).(proto.Message) }
