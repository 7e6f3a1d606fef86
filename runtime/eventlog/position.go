package eventlog

import (
	"errors"
	"fmt"
)

// Position is a place in a log: directly after the record with its sequence number. It names the
// incarnation of the log too, so that it never means a place in another history.
type Position struct {
	// Epoch is the incarnation of the log, a random number.
	Epoch uint64
	// Sequence is the number of records up to the position. Records are numbered from 1, without
	// gaps; 0 is the beginning of the log.
	Sequence uint64
}

// String returns the position for logs. Clients receive sealed positions instead.
func (p Position) String() string { return fmt.Sprintf("%016x/%d", p.Epoch, p.Sequence) }

// Bounds is the range of records that a log holds.
type Bounds struct {
	// Epoch is the incarnation of the log.
	Epoch uint64
	// First is the sequence number of the first record that is left, or Last+1 if none is.
	First uint64
	// Last is the sequence number of the last record that was appended, or 0.
	Last uint64
}

// Earliest returns the position of the first record that is left: reading after it returns all
// that the log holds.
func (b Bounds) Earliest() Position { return Position{b.Epoch, max(b.First, 1) - 1} }

// Head returns the position after the last record.
func (b Bounds) Head() Position { return Position{b.Epoch, b.Last} }

// Check returns a [*PositionError] unless all records after p are left.
func (b Bounds) Check(p Position) error {
	switch {
	case p.Epoch != b.Epoch || p.Sequence > b.Last:
		return &PositionError{Position: p, Earliest: b.Earliest(), Reason: ErrUnknown}
	case p.Sequence < b.Earliest().Sequence:
		return &PositionError{Position: p, Earliest: b.Earliest(), Reason: ErrExpired}
	}
	return nil
}

// Reasons of a [PositionError].
var (
	// ErrExpired reports that records after the position have been trimmed.
	ErrExpired = errors.New("records after the position have been trimmed")
	// ErrUnknown reports that the position belongs to another incarnation of the log, or is
	// beyond its head.
	ErrUnknown = errors.New("the position belongs to another incarnation of the log")
)

// PositionError reports that a log cannot be read from a position without missing records.
type PositionError struct {
	// Position is the position that was read from.
	Position Position
	// Earliest is the position of the first record that is left.
	Earliest Position
	// Reason is [ErrExpired] or [ErrUnknown].
	Reason error
}

// Error describes the position and the earliest one.
func (e *PositionError) Error() string {
	return fmt.Sprintf("eventlog: position %v: %v; the earliest position is %v",
		e.Position, e.Reason, e.Earliest)
}

// Unwrap returns the reason.
func (e *PositionError) Unwrap() error { return e.Reason }
