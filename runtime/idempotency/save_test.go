package idempotency_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

var errNo = errors.New("no")

// saving returns a method that saves its response in a transaction, which end finishes. The method
// returns the error of end.
func saving(t testing.TB, end func(*hooks) error) func(context.Context) (proto.Message, error) {
	return func(ctx context.Context) (proto.Message, error) {
		tx, resp := new(hooks), wrapperspb.String("saved")
		if err := idempotency.Save(ctx, tx, resp); err != nil {
			t.Errorf("Save: %v", err)
		}
		if err := end(tx); err != nil {
			return nil, err
		}
		return resp, nil
	}
}

// inTxOnly is a store that keeps responses in transactions only.
type inTxOnly struct {
	idempotency.TxStore
	t testing.TB
}

func (s inTxOnly) Finish(context.Context, idempotency.Key, idempotency.Fence, []byte, time.Duration) error {
	s.t.Error("the response was written once more, outside of the transaction")
	return nil
}

func TestASavedResponse(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(*hooks) error
		again bool // whether the method runs again
	}{
		"committed":               {end: (*hooks).commit},
		"committed, then failed":  {end: func(tx *hooks) error { return errors.Join(tx.commit(), errNo) }},
		"committed, then a panic": {end: func(tx *hooks) error { _ = tx.commit(); panic("no") }},
		"rolled back":             {end: func(tx *hooks) error { return errors.Join(tx.rollback(), errNo) }, again: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := guard(t, byIdempotencyKey, inTxOnly{idempotency.Memory(), t})
			func() {
				defer func() { _ = recover() }()
				_, _ = g.call(t.Context(), `request_id: "1"`, saving(t, test.end))
			}()
			got, err := g.call(t.Context(), `request_id: "1"`, saving(t, (*hooks).commit))
			if err != nil || got != "saved" || (g.runs == 2) != test.again {
				t.Errorf("the next call got %q, %v after %d runs", got, err, g.runs)
			}
		})
	}
}

func TestATransactionThatIsTriedAgain(t *testing.T) {
	g := guard(t, byIdempotencyKey, inTxOnly{idempotency.Memory(), t})
	got, err := g.call(t.Context(), `request_id: "1"`, func(ctx context.Context) (proto.Message, error) {
		_, _ = saving(t, (*hooks).rollback)(ctx)
		return saving(t, (*hooks).commit)(ctx)
	})
	if got != "saved" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	g.says(`request_id: "1"`, "saved")
}

// unrenewed is a store that renewals do not reach, as those of a process that is suspended.
type unrenewed struct{ idempotency.TxStore }

func (unrenewed) Renew(context.Context, idempotency.Key, idempotency.Fence, time.Duration) error {
	return errors.New("cut off")
}

// A call whose lease has expired cannot commit once another one has run.
func TestATransactionThatComesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, byIdempotencyKey, unrenewed{idempotency.Memory()})
		_, err := g.call(t.Context(), `request_id: "1"`, func(ctx context.Context) (proto.Message, error) {
			time.Sleep(2 * time.Minute)
			g.says(`request_id: "1"`, "done II")
			err := idempotency.Save(ctx, new(hooks), wrapperspb.String("late"))
			if !errors.Is(err, idempotency.ErrLost) {
				t.Errorf("Save returned %v, want ErrLost", err)
			}
			return nil, err
		})
		rejects(t, err, codes.Aborted, idempotency.ReasonRequestInProgress, "")
		g.says(`request_id: "1"`, "done II")
	})
}

func TestWhereThereIsNothingToSave(t *testing.T) {
	if err := idempotency.Save(t.Context(), "no tx", wrapperspb.String("")); err != nil {
		t.Errorf("outside a call: %v", err)
	}
	g := guard(t, byIdempotencyKey, idempotency.Memory())
	for request, resp := range map[string]proto.Message{``: wrapperspb.String("saved"), `request_id: "1"`: &emptypb.Empty{}} {
		if _, err := g.call(t.Context(), request, func(ctx context.Context) (proto.Message, error) {
			return wrapperspb.String("done"), idempotency.Save(ctx, "no tx", resp)
		}); err != nil {
			t.Errorf("%q with %T: %v", request, resp, err)
		}
	}
	g.says(`request_id: "1"`, "done") // which was stored without a transaction
}

func TestErrorsOfSave(t *testing.T) {
	for name, test := range map[string]struct {
		store  idempotency.Store
		resp   string
		code   codes.Code
		reason rpcerr.Reason
	}{
		"no transaction":           {idempotency.Memory(), "", codes.Internal, rpcerr.ReasonInternal},
		"no store for it":          {hung{idempotency.Memory()}, "", codes.Internal, rpcerr.ReasonInternal},
		"not UTF-8":                {idempotency.Memory(), "\xff", codes.Internal, rpcerr.ReasonInternal},
		"no room for the response": {idempotency.Memory(idempotency.WithMaxBytes(2000)), string(make([]byte, 2000)), codes.ResourceExhausted, idempotency.ReasonStoreFull},
	} {
		t.Run(name, func(t *testing.T) {
			g := guard(t, byIdempotencyKey, test.store)
			var tx any = new(hooks)
			if name == "no transaction" {
				tx = "a text"
			}
			_, err := g.call(t.Context(), `request_id: "1"`, func(ctx context.Context) (proto.Message, error) {
				return nil, idempotency.Save(ctx, tx, wrapperspb.String(test.resp))
			})
			rejects(t, err, test.code, test.reason, "")
		})
	}
}
