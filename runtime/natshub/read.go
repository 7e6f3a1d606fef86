package natshub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// Bounds of one request for records, whatever the limit of the caller is.
const (
	maxReadRecords = 4096
	maxReadBytes   = 16 << 20
	// readOverhead is what the server may count for a record beside its data.
	readOverhead = 512
)

// Read implements [eventlog.Store]. It reads at most 4096 records or about 16 MiB at once. A record
// that is missing between others, because something has removed it from the stream, is an error
// that says which.
func (l *Log) Read(
	ctx context.Context, after eventlog.Position, limit eventlog.Limit,
) (batch eventlog.Batch, err error) {
	holes := 0
	err = l.retry(ctx, "reading", func(ctx context.Context) error {
		batch, err = l.read(ctx, after, limit)
		if errors.As(err, new(*holeError)) {
			if holes++; holes < certainHoles { // replicas of the stream trim at different times
				return errMoved
			}
		}
		return err
	})
	return batch, err
}

func (l *Log) read(
	ctx context.Context, after eventlog.Position, limit eventlog.Limit,
) (eventlog.Batch, error) {
	v, err := l.view(ctx)
	if err != nil {
		return eventlog.Batch{}, err
	}
	batch := eventlog.Batch{Bounds: v.bounds}
	if err := v.bounds.Check(after); err != nil {
		return batch, err
	}
	if after.Sequence == v.bounds.Last {
		return batch, nil
	}
	records, err := l.get(ctx, getRequest{
		Sequence: after.Sequence + 1, Batch: min(max(limit.Records, 1), maxReadRecords),
		MaxBytes: min(max(limit.Bytes, 0), maxReadBytes),
	})
	if err != nil {
		return batch, err
	}
	if first := records[0].Sequence; first != after.Sequence+1 {
		return batch, l.missing(ctx, v, after.Sequence+1, first)
	}
	if records[0].subject != v.subject {
		return batch, errMoved
	}
	batch.Records = cut(records, v.subject, limit)
	return batch, nil
}

// missing explains why a record is missing: it was trimmed meanwhile, or it alone was removed.
func (l *Log) missing(ctx context.Context, before *view, wanted, found uint64) error {
	resp, err := l.nc.RequestWithContext(ctx, l.api("STREAM.MSG.GET."+l.name),
		fmt.Appendf(nil, `{"seq":%d}`, wanted)) // the leader answers, no other replica
	if err != nil {
		return err
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(resp.Data, &answer); err != nil || answer.Error == nil {
		return errMoved
	}
	v, err := l.view(ctx)
	switch {
	case err != nil:
		return err
	case v.bounds.Epoch != before.bounds.Epoch || wanted < v.bounds.First || found <= wanted:
		return errMoved
	}
	return &holeError{wanted, found - 1}
}

// certainHoles is in how many attempts records must be missing before that is an error.
const certainHoles = 6

// holeError reports records that are missing between others.
type holeError struct{ first, last uint64 }

func (e *holeError) Error() string {
	return fmt.Sprintf("records %d to %d are missing in the stream, and earlier ones are there: "+
		"something else has removed them; trim the log through %d, or delete the stream",
		e.first, e.last, e.last)
}

// cut returns the records that a limit allows, up to the first that does not follow the one before.
func cut(records []stored, subject string, limit eventlog.Limit) []eventlog.Record {
	cut := make([]eventlog.Record, 0, len(records))
	bytes := 0
	for i, r := range records {
		bytes += len(r.Data)
		if i > 0 && (bytes > limit.Bytes || r.subject != subject ||
			r.Sequence != cut[i-1].Sequence+1 || i >= limit.Records) {
			break
		}
		if i > 0 && r.Time.Before(cut[i-1].Time) {
			r.Time = cut[i-1].Time // the clocks of servers differ
		}
		cut = append(cut, r.Record)
	}
	return cut
}

// Seek implements [eventlog.Store].
func (l *Log) Seek(ctx context.Context, t time.Time) (at eventlog.Position, err error) {
	err = l.retry(ctx, "seeking in", func(ctx context.Context) error {
		v, err := l.view(ctx)
		if err != nil {
			return err
		}
		at = v.bounds.Head()
		if v.bounds.First > v.bounds.Last || v.last.Before(t) {
			return nil
		}
		start := t.UTC()
		if start.Before(time.Unix(0, 0)) {
			start = time.Unix(0, 0).UTC()
		}
		records, err := l.get(ctx, getRequest{Start: &start, Batch: 1})
		if err != nil {
			return err
		}
		if records[0].subject != v.subject {
			return errMoved
		}
		at.Sequence = max(records[0].Sequence-1, v.bounds.Earliest().Sequence)
		return nil
	})
	return at, err
}

// getRequest is a direct get. See ADR-31 of NATS.
type getRequest struct {
	Sequence uint64     `json:"seq,omitempty"`
	Start    *time.Time `json:"start_time,omitempty"`
	Batch    int        `json:"batch"`
	MaxBytes int        `json:"max_bytes,omitempty"`
}

// stored is a record with the subject that it was published to.
type stored struct {
	eventlog.Record
	subject string
}

// get returns at least one record, or errBehind.
func (l *Log) get(ctx context.Context, req getRequest) ([]stored, error) {
	if req.MaxBytes > 0 {
		req.MaxBytes += req.Batch * readOverhead
	} else if req.Start == nil {
		req.MaxBytes = 1
	}
	data, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	inbox := l.nc.NewInbox()
	sub, err := l.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := l.nc.PublishRequest(l.api("DIRECT.GET."+l.name), inbox, data); err != nil {
		return nil, err
	}
	var records []stored
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, err
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
			r, err := decodeRecord(msg)
			if err != nil {
				return nil, err
			}
			records = append(records, r)
		case "204", "404": // the end
			if len(records) == 0 {
				return nil, errBehind
			}
			return records, nil
		case "503":
			return nil, nats.ErrNoResponders
		default:
			return nil, fmt.Errorf("the server rejects a direct get: %s %s",
				status, msg.Header.Get("Description"))
		}
	}
}

// api returns a subject of the API of JetStream.
func (l *Log) api(what string) string {
	opts := l.js.Options()
	switch {
	case opts.APIPrefix != "":
		return opts.APIPrefix + "." + what
	case opts.Domain != "":
		return "$JS." + opts.Domain + ".API." + what
	}
	return "$JS.API." + what
}

func decodeRecord(msg *nats.Msg) (r stored, err error) {
	r.Sequence, err = strconv.ParseUint(msg.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return r, fmt.Errorf("the server sent a record without its number: %w", err)
	}
	r.Time, err = time.Parse(time.RFC3339Nano, msg.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return r, fmt.Errorf("the server sent a record without its time: %w", err)
	}
	r.Data, r.subject = msg.Data, msg.Header.Get("Nats-Subject")
	return r, nil
}
