package operation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/policy"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/idempotencykey"
	"github.com/grpcservice/grpcservice/runtime/internal/resource"
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Start starts an operation for the call of ctx and returns it in the RPC's response type.
// Validate the request first: an invalid request is an error of the call, not of the operation
// (AIP-151).
//
// A request with validate_only set gets a done operation without a name. A request with a known
// idempotency key gets the existing operation, as long as it is kept; if the rest of the request
// differs, the error is INVALID_ARGUMENT, reason REQUEST_ID_REUSED. If another operation holds
// the conflict key, the policy decides: the call fails with ABORTED, reason OPERATION_CONFLICT,
// the new operation waits, or the other one is cancelled. Start cancels only operations that the
// caller may cancel, see [WithAuthorizer]: if another principal's operation holds the key, the
// error is OPERATION_CONFLICT.
func (m *Method[S, Req, Op, Result, Metadata]) Start(ctx context.Context, mgr *Manager, req *Req, opts ...StartOption) (*Op, error) {
	types, err := m.types()
	if err != nil {
		return nil, misuse(m.info, err)
	}
	if req == nil {
		req = new(Req)
	}
	from, err := reflectionOf(req)
	if err != nil {
		return nil, misuse(m.info, err)
	}
	said, config := m.info.PolicyIn(ctx), newStartConfig(opts)
	if err := m.checkItems(ctx, types, said.Batch, from); err != nil {
		return nil, err
	}
	op, err := m.record(ctx, mgr, said.Operation, config.parent)
	if err != nil {
		return nil, misuse(m.info, err)
	}
	if op.IdempotencyKey, err = idempotencykey.Read(m.fields.IdempotencyKey, types.idempotencyKey.text(from), said.IdempotencyKey.UUID4); err != nil {
		return nil, err
	}
	if op.IdempotencyKey != "" {
		if op.Digest, err = types.digester.Of(ctx, from.Interface()); err != nil {
			return nil, err
		}
	}
	if err := m.addRequest(op, types, config, from); err != nil {
		return nil, misuse(m.info, err)
	}
	if only, ok := types.validateOnly.get(from); ok && only.Bool() {
		return m.validated(types, op, config)
	}
	stored, err := mgr.start(ctx, m.info, op, m.startRules(said, config))
	if err != nil {
		return nil, err
	}
	return writeAs[Op](m.info, types.op, stored)
}

// startRules returns the rules of the policy and the fields for starting an operation.
func (m *Method[S, Req, Op, Result, Metadata]) startRules(said runtime.Policy, config startConfig) startRules {
	rules := startRules{onConflict: said.Operation.OnConflict, idempotencyKey: m.fields.IdempotencyKey, tx: config.tx}
	if config.conflictKey == "" {
		rules.conflictKey = m.fields.ConflictKey
	}
	return rules
}

// record returns a new operation for the call of ctx, without the parts from its request.
func (m *Method[S, Req, Op, Result, Metadata]) record(ctx context.Context, mgr *Manager, limits runtime.Operation, parent string) (*Record, error) {
	id, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	return &Record{
		Name:        newName(parent, mgr.config.prefix),
		Method:      m.info.FullMethod,
		Principal:   id,
		Scopes:      runtime.OriginOf(ctx).Principal.Scopes(),
		Carrier:     mgr.carrierOf(ctx),
		Lease:       cmp.Or(max(0, limits.Lease), policy.DefaultLease),
		Timeout:     max(0, limits.Timeout),
		Retain:      cmp.Or(limits.Retain, policy.DefaultRetain),
		MaxAttempts: cmp.Or(max(0, limits.MaxAttempts), policy.DefaultMaxAttempts),
	}, nil
}

// addRequest adds the parts of an operation that come from its request.
func (m *Method[S, Req, Op, Result, Metadata]) addRequest(
	op *Record, types *methodTypes, config startConfig, req protoreflect.Message,
) (err error) {
	op.ConflictKey = config.conflictKey
	if key, ok := types.conflictKey.get(req); ok && op.ConflictKey == "" && key.String() != "" {
		op.ConflictKey = m.info.FullMethod + " " + uuid.Canonical(key.String())
	}
	if op.Request, err = proto.Marshal(req.Interface()); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	op.Metadata, err = m.firstMetadata(config, req)
	return err
}

// firstMetadata returns the metadata of an operation before its work runs.
func (m *Method[S, Req, Op, Result, Metadata]) firstMetadata(config startConfig, req protoreflect.Message) ([]byte, error) {
	metadata, err := reflectionOf(new(Metadata))
	if err != nil {
		return nil, err
	}
	if said := config.metadata; said != nil {
		if got, want := said.ProtoReflect().Descriptor().FullName(), metadata.Descriptor().FullName(); got != want {
			return nil, fmt.Errorf("WithMetadata has a %s, but the RPC's metadata is %s", got, want)
		}
		if err := transfer(metadata, said); err != nil {
			return nil, err
		}
	}
	describe(metadata, m.info, cmp.Or(config.target, targetOf(req)))
	return packBytes(metadata.Interface())
}

// targetOf returns the resource of a request: its name or its parent.
func targetOf(req protoreflect.Message) string {
	for _, name := range []protoreflect.Name{"name", "parent"} {
		if field := req.Descriptor().Fields().ByName(name); field != nil && isText(field) && req.Has(field) {
			return req.Get(field).String()
		}
	}
	return ""
}

// validated returns the operation for a request with validate_only set.
func (m *Method[S, Req, Op, Result, Metadata]) validated(types *methodTypes, op *Record, config startConfig) (*Op, error) {
	response, err := reflectionOf(new(Result))
	if err != nil {
		return nil, misuse(m.info, err)
	}
	if said := config.preview; said != nil {
		response = said.ProtoReflect()
	}
	if op.Response, err = packBytes(response.Interface()); err != nil {
		return nil, misuse(m.info, err)
	}
	now := time.Now()
	op.Name, op.CreateTime, op.UpdateTime, op.DoneTime = "", now, now, now
	return writeAs[Op](m.info, types.op, op)
}

// checkItems checks the caller of a batch, the number of its items, and each item.
func (m *Method[S, Req, Op, Result, Metadata]) checkItems(
	ctx context.Context, types *methodTypes, limits runtime.Batch, req protoreflect.Message,
) error {
	if len(types.children) == 0 {
		return nil
	}
	single, err := m.singleIn(ctx, limits)
	if err != nil {
		return err
	}
	children, ok := types.children.get(req)
	n := 0
	if ok {
		n = children.List().Len()
	}
	switch {
	case n == 0 && !limits.AllowEmpty:
		return wrongSize(batch.ReasonEmpty, m.fields.Children, errors.New("must have at least one element"))
	case limits.MaxSize > 0 && n > limits.MaxSize:
		return wrongSize(batch.ReasonTooLarge, m.fields.Children, fmt.Errorf("must have at most %d elements, has %d", limits.MaxSize, n))
	case n == 0:
		return nil
	}
	if err := permitItems(ctx, single, m.fields.Children, types.children.field(), children.List()); err != nil {
		return err
	}
	if types.children.field().Message() == nil {
		return nil
	}
	for i := range n {
		if err := single.Check(ctx, children.List().Get(i).Message().Interface()); err != nil {
			return itemError(fmt.Sprintf("%s[%d]", m.fields.Children, i), err)
		}
	}
	return nil
}

// permitItems returns the error of the first item of a list that the caller lacks the permission of
// the single method for.
func permitItems(
	ctx context.Context, single callctx.Single, path string,
	field protoreflect.FieldDescriptor, list protoreflect.List,
) error {
	items := callctx.Items{Field: path, Len: list.Len()}
	if field.Message() != nil {
		items.Request = func(i int) proto.Message { return list.Get(i).Message().Interface() }
	} else {
		items.ID = func(i int) string { return resource.NameOf(field, list.Get(i)) }
	}
	i, err := single.Permit(ctx, items)
	if err != nil && i >= 0 {
		return itemError(fmt.Sprintf("%s[%d]", path, i), err)
	}
	return err
}

// singleIn returns the method that does for one item what the operation does for many, after
// checking that the caller may call it.
func (m *Method[S, Req, Op, Result, Metadata]) singleIn(ctx context.Context, limits runtime.Batch) (callctx.Single, error) {
	if limits.OwnPolicy {
		return callctx.Unrestricted{}, nil
	}
	single, err := callctx.SingleIn(ctx, m.info.FullMethod, m.fields.Single)
	if err != nil {
		return callctx.Unrestricted{}, err
	}
	return single, single.Authorize()
}

// itemError returns the error of an item at a path as that of its batch.
func itemError(at string, err error) error {
	found := rpcerr.FieldViolations(err)
	if len(found) == 0 {
		return rpcerr.Wrap(err, at)
	}
	for i := range found {
		found[i].Field = strings.TrimSuffix(at+"."+found[i].Field, ".")
	}
	return rpcerr.Invalid(found...)
}

func wrongSize(reason rpcerr.Reason, field string, problem error) error {
	return reason.Errorf(codes.InvalidArgument, "%s: %s", field, problem.Error()).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: problem.Error(), Reason: string(reason)})
}
