package natshub

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// ErrFull reports that a log with [WithRejectWhenFull] has no room for a record. Nothing was
// appended.
var ErrFull = errors.New("natshub: the log is full; trim it, or raise its limits")

var (
	errClosed = errors.New("the log is closed")
	// errBehind reports a replica of the stream that has not got a record yet.
	errBehind = errors.New("a replica of the stream is behind its leader")
	// errMoved reports that the stream has changed between two requests.
	errMoved = errors.New("the stream has changed meanwhile")
)

// Error codes of JetStream that the client has no names for.
const (
	codeAccountExceeded   jetstream.ErrorCode = 10002
	codeInsufficient      jetstream.ErrorCode = 10023
	codeMemoryExceeded    jetstream.ErrorCode = 10028
	codeNotEnabledAccount jetstream.ErrorCode = 10039
	codeStorageExceeded   jetstream.ErrorCode = 10047
	codeMessageTooLarge   jetstream.ErrorCode = 10054
	codeStoreFailed       jetstream.ErrorCode = 10077
	codeInProcess         jetstream.ErrorCode = 10158
	codeBatchIncomplete   jetstream.ErrorCode = 10176
	codeBatchTooLarge     jetstream.ErrorCode = 10199
	codeBatchDuplicate    jetstream.ErrorCode = 10201
	codeTooManyBatches    jetstream.ErrorCode = 10210
)

// isTransient reports whether a request may succeed if it is repeated.
func (l *Log) isTransient(err error) bool {
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		switch refused.ErrorCode {
		case codeInsufficient, codeNotEnabledAccount, codeStoreFailed:
			return false
		case codeInProcess, codeBatchIncomplete, codeTooManyBatches:
			return true
		}
		return refused.Code == 503
	}
	if errors.Is(err, nats.ErrConnectionClosed) {
		return !l.nc.IsClosed()
	}
	if isOutage(l.nc, err) {
		return true
	}
	for _, passing := range []error{
		context.DeadlineExceeded, context.Canceled, nats.ErrTimeout, nats.ErrNoResponders,
		nats.ErrDisconnected, nats.ErrSlowConsumer,
		jetstream.ErrNoStreamResponse, jetstream.ErrJetStreamNotEnabled, errBehind, errMoved,
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}

// explain adds to an error what to do.
func (l *Log) explain(what string, err error) error {
	var position *eventlog.PositionError
	if err == nil || errors.As(err, &position) {
		return err
	}
	var refused *jetstream.APIError
	advice := ""
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		advice = "; its stream was deleted: open it again to create an empty one"
	case errors.As(err, &refused):
		switch refused.ErrorCode {
		case codeAccountExceeded, codeInsufficient, codeMemoryExceeded, codeStorageExceeded:
			advice = "; trim logs, or raise the JetStream limits of the account or the server"
		case codeMessageTooLarge, codeBatchTooLarge:
			return fmt.Errorf("%w: %s log %q: %w", eventlog.ErrTooLarge, what, l.name, err)
		case codeStoreFailed:
			if strings.Contains(refused.Description, "maximum") {
				return fmt.Errorf("%w: %s log %q: %w", ErrFull, what, l.name, err)
			}
		}
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %s log %q: a record exceeds the server's max_payload of %d bytes: %w",
			eventlog.ErrTooLarge, what, l.name, l.nc.MaxPayload(), err)
	}
	return fmt.Errorf("natshub: %s log %q: %w%s", what, l.name, err, advice)
}
