package runtime

// Generated code names the oldest runtime it works with by one of these constants, so that an older one does not compile
// with it. A constant is never removed.
const (
	// IsAtLeastVersion0_1 is in every runtime from version 0.1.0 on.
	IsAtLeastVersion0_1 = true
)
