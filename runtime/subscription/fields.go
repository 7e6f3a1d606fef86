package subscription

// Fields names the fields of a subscription: paths of proto names, with dots into nested messages
// ("start.position"). All are optional. Generated code sets them. If a path does not exist or has
// another type, every use of the method returns INTERNAL, and the log names the path.
type Fields struct {
	// Position is the request's position and NextPosition that of each response: strings or
	// bytes. Set both or neither.
	Position, NextPosition string
	// Since is the request's google.protobuf.Timestamp from which events are sent.
	Since string
	// Time is the event's google.protobuf.Timestamp that Since is compared with. If empty, the
	// time of the append is.
	Time string
	// Types is the request's type or list of types, of strings or of an enum. Type is the type of
	// an event, a string or an enum.
	Types, Type string
	// Lines is the request's number of events before the head, of any integer type or wrapper.
	Lines string
	// Level is the request's minimum level and EntryLevel the level of an event: both strings, or
	// of the same enum.
	Level, EntryLevel string
}
