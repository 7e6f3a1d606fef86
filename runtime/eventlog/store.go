package eventlog

import (
	"context"
	"errors"
	"time"
)

// Record is an entry of a log as a [Store] holds it.
type Record struct {
	// Sequence is the number of the record: 1 for the first of the log.
	Sequence uint64
	// Time is when the record was appended. It never decreases from one record to the next.
	Time time.Time
	// Data is the encoded message. Neither the store nor its readers modify it.
	Data []byte
}

// Limit bounds what [Store.Read] returns.
type Limit struct {
	// Records is the maximum number of records; at least 1.
	Records int
	// Bytes is the maximum size of their data. The first record is returned even if it is larger.
	Bytes int
}

// Batch is what [Store.Read] returns.
type Batch struct {
	// Records follow the position that was read from, in order and without gaps.
	Records []Record
	// Bounds are those of the log when Records were read.
	Bounds Bounds
}

// ErrTooLarge reports that records can never be stored, because they exceed the size of the
// store.
var ErrTooLarge = errors.New("eventlog: the records exceed the size of the store")

// Store is the backend of a [Log]. Its methods may be called concurrently and return promptly
// when their context ends. Package eventlog/storetest checks implementations.
//
// Errors other than those below are outages, unless they have a status: a [Log] returns UNAVAILABLE
// for them, and subscribers come back.
//
// Records are totally ordered: once a reader has seen a record, no record appears before it. A
// database that numbers rows before they are committed does not have this property by itself: it
// must commit appends in the order of their numbers.
type Store interface {
	// Append appends records with the given data, adjacent to each other, and returns the
	// position after the last. It appends all of them or, with an error, none. If it fails
	// because ctx has ended, either may be the case. The store keeps the slices.
	Append(ctx context.Context, data ...[]byte) (Position, error)
	// Read returns the first records after a position. It returns at least one record unless
	// there is none, and a [*PositionError], from [Bounds.Check], if records are missing between
	// the position and the first.
	Read(ctx context.Context, after Position, limit Limit) (Batch, error)
	// Bounds returns the range of records that are left.
	Bounds(ctx context.Context) (Bounds, error)
	// Seek returns the position before the first record that is left whose time is not before t,
	// or the head if there is none.
	Seek(ctx context.Context, t time.Time) (Position, error)
	// Trim removes the records up to and including a position. The sequence numbers of the others
	// stay. It does nothing if they have been removed already, and returns a [*PositionError] for
	// a position that is unknown.
	Trim(ctx context.Context, through Position) error
	// Watch returns a channel that is closed when the log has changed since the call: a record
	// was appended, in any process, or the epoch is another. It is a hint and may be closed
	// without a change, but every change closes it. Watch must be cheap and starts nothing that
	// would have to be stopped.
	Watch() <-chan struct{}
}

// SizedStore is a [Store] that knows its size, for metrics.
type SizedStore interface {
	Store
	// Size returns how many bytes the records that are left take, as the store's own limits count
	// them. It must be cheap: metrics ask for it up to four times a minute.
	Size(ctx context.Context) (bytes int64, err error)
}

// TxStore is a [Store] that can append in a transaction of the user; see [Log.AppendTx]. RunTx of
// package storetest checks it.
type TxStore interface {
	Store
	// AppendTx is Append as a part of tx, whose type the store documents: the records are appended
	// when tx is committed, and never if it is rolled back. The position is that after the last of
	// them then. The error is [ErrNoTx] if tx is not a transaction of the store.
	AppendTx(ctx context.Context, tx any, data ...[]byte) (Position, error)
}

// ErrNoTx is the error for a value that is not a transaction of the store, or for a store without
// transactions.
var ErrNoTx = errors.New("eventlog: not a transaction of the store")
