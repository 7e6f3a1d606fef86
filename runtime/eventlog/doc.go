// Package eventlog keeps messages in an append-only log, which many subscribers read at their own
// pace.
//
//	log := eventlog.New[shopv1.Event](eventlog.NewMemory(eventlog.WithMaxBytes(64 << 20)))
//	position, err := log.Append(ctx, event)
//
// A [Position] names the incarnation of the log and a place in it. Reading from a position that
// was trimmed away, or that belongs to another incarnation, is an error, so a reader never gets
// another history than it expects.
//
// Package subscription serves a log to clients, and reads it as a client. [Memory] is the store
// for one process; other stores implement [Store].
package eventlog
