package natshub

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// maxBatch is how many records the server takes in one batch.
const maxBatch = 1000

// appendOverhead is what the server may count for a record beside its data, in headers and in the
// store.
const appendOverhead = 512

// Append implements [eventlog.Store]. Several records are a batch, which the server stores as a
// whole; a batch has at most 1000 records. Each record has an ID, by which the server recognizes a
// request that is repeated, so that it is appended once. If the append fails because the time is up,
// the records may be in the log or not.
//
// Records that the server can never store are [eventlog.ErrTooLarge]. Limits of the account are an
// error, and so is a full log with [WithRejectWhenFull]: [ErrFull].
func (l *Log) Append(ctx context.Context, data ...[]byte) (at eventlog.Position, err error) {
	if len(data) == 0 {
		b, err := l.Bounds(ctx)
		return b.Head(), err
	}
	if err := l.checkSize(data); err != nil {
		return at, err
	}
	if len(data) > 1 {
		select {
		case l.batches <- struct{}{}:
			defer func() { <-l.batches }()
		case <-ctx.Done():
			return at, ctx.Err()
		}
	}
	ids := newIDs()
	v := l.current.Load()
	err = l.retry(ctx, "appending to", func(ctx context.Context) error {
		if v == nil { // the stream may be another one than before
			if v, err = l.view(ctx); err != nil {
				return err
			}
		}
		at.Epoch = v.bounds.Epoch
		at.Sequence, err = l.append(ctx, v.subject, ids, data)
		v = nil
		return err
	})
	if err != nil {
		return eventlog.Position{}, err
	}
	return at, nil
}

func (l *Log) checkSize(data [][]byte) error {
	size := int64(0)
	for _, d := range data {
		size += int64(len(d))
		if limit := l.nc.MaxPayload() - appendOverhead; int64(len(d)) > limit && limit > 0 {
			return fmt.Errorf("%w: a record has %d bytes, and the NATS server takes %d",
				eventlog.ErrTooLarge, len(d), limit)
		}
	}
	if len(data) > maxBatch {
		return fmt.Errorf("%w: %d records, and an append has at most %d",
			eventlog.ErrTooLarge, len(data), maxBatch)
	}
	bytes, records := l.settings.maxBytes, l.settings.maxRecords
	if bytes > 0 && size > bytes || records > 0 && int64(len(data)) > records {
		return fmt.Errorf("%w: %d records with %d bytes, and the log has room for %d with %d",
			eventlog.ErrTooLarge, len(data), size, records, bytes)
	}
	return nil
}

// append publishes records once, and returns the number of the last.
func (l *Log) append(
	ctx context.Context, subject string, ids appendIDs, data [][]byte,
) (uint64, error) {
	if len(data) == 1 {
		return l.publish(ctx, ids.message(subject, 0, data[0]))
	}
	seq, err := l.publishBatch(ctx, subject, ids, data)
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == codeBatchDuplicate {
		return l.stored(ctx, subject, ids, len(data)-1) // by a request whose answer was lost
	}
	return seq, err
}

// publishBatch publishes records that the server stores all or none.
func (l *Log) publishBatch(
	ctx context.Context, subject string, ids appendIDs, data [][]byte,
) (seq uint64, err error) {
	batch := newID()
	for i, d := range data {
		msg := ids.message(subject, i, d)
		msg.Header.Set("Nats-Batch-Id", batch)
		msg.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		last := i == len(data)-1
		if last {
			msg.Header.Set("Nats-Batch-Commit", "1")
		}
		if i == 0 || last { // the first answer shows whether the server takes the batch
			seq, err = l.publish(ctx, msg)
		} else {
			err = l.nc.PublishMsg(msg)
		}
		if err != nil {
			return 0, err
		}
	}
	return seq, nil
}

// stored returns the number of a record that the server has stored. The message would be rejected
// if it had not.
func (l *Log) stored(ctx context.Context, subject string, ids appendIDs, i int) (uint64, error) {
	msg := ids.message(subject, i, nil)
	msg.Header.Set(jetstream.ExpectedLastMsgIDHeader, "none")
	return l.publish(ctx, msg)
}

// publish sends a message and waits for the answer: the number of its record, or 0 for one in the
// middle of a batch.
func (l *Log) publish(ctx context.Context, msg *nats.Msg) (uint64, error) {
	resp, err := l.nc.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return 0, err
	}
	if len(resp.Data) == 0 {
		return 0, nil
	}
	var ack struct {
		Error    *jetstream.APIError `json:"error"`
		Sequence uint64              `json:"seq"`
	}
	if err := json.Unmarshal(resp.Data, &ack); err != nil {
		return 0, fmt.Errorf("the answer of the server is no acknowledgement: %w", err)
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	return ack.Sequence, nil
}

// appendIDs name the records of an append.
type appendIDs string

func newIDs() appendIDs { return appendIDs(newID()) }

func newID() string {
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// message returns the message of record i.
func (ids appendIDs) message(subject string, i int, data []byte) *nats.Msg {
	msg := nats.NewMsg(subject)
	msg.Data = data
	msg.Header.Set(jetstream.MsgIDHeader, string(ids)+"-"+strconv.Itoa(i))
	return msg
}
