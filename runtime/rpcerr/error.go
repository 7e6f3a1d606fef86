package rpcerr

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Error is an error for the caller of a method: a code, a message, a [Reason], details, and a
// cause that appears in the log only. [Reason.Errorf] returns one. The With methods return a
// modified copy, so many errors can share one base:
//
//	return nil, libraryv1service.ReasonOutOfStock.Errorf(codes.FailedPrecondition, "%q is out of stock", isbn).
//		WithResource("library.example.com/Book", name, "").
//		WithRetryAfter(time.Hour).
//		WithCause(err)
//
// An error has at most one detail of each type. Details that list violations grow; all others are
// replaced. If an error is larger than [MaxErrorSize], details that do not fit are dropped;
// ErrorInfo and RetryInfo are kept first.
type Error struct {
	code    codes.Code
	message string
	details []proto.Message
	cause   error
}

// Errorf returns an error with the code and a message for the developer of the caller: in
// English, saying what is wrong and how to fix it.
//
// The message never shows the text of an error. An argument that is an error appears as its code
// ("not found", "unknown error") and becomes a cause, as if by [Error.WithCause]. Pass
// err.Error() to show its text.
//
// A code that is OK or unknown to gRPC is a programming mistake: the caller receives INTERNAL
// "internal error", and the log has the details.
func (r Reason) Errorf(code codes.Code, format string, args ...any) *Error {
	if false {
		_ = fmt.Errorf(format, args...) // makes go vet check the calls of Errorf
	}
	message, cause := publicText(format, args)
	if code == codes.OK || code > codes.Unauthenticated {
		cause = errors.Join(fmt.Errorf("an error has the code %v: %s", code, message), cause)
		return ReasonInternal.Errorf(codes.Internal, "internal error").WithCause(cause)
	}
	e := &Error{code: code, message: message, cause: cause}
	if name := r.Name(); name != "" {
		e.details = []proto.Message{&errdetails.ErrorInfo{Domain: valid(r.Domain()), Reason: valid(name)}}
	}
	return e
}

// Error returns the message and the causes, for the log.
func (e *Error) Error() string {
	switch {
	case e == nil:
		return "<nil>"
	case e.cause == nil:
		return e.message
	}
	return e.message + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.cause
}

// GRPCStatus returns what the caller gets; grpc calls it.
func (e *Error) GRPCStatus() *status.Status {
	if e == nil {
		return nil
	}
	p := &spb.Status{Code: int32(e.code), Message: e.message, Details: pack(e.details...)}
	makeSendable(p)
	return status.FromProto(p)
}

// WithCause adds the error that caused this one, for the log and for [errors.Is] and [errors.As].
// It is never sent.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	if c.cause == nil {
		c.cause = cause
	} else if cause != nil {
		c.cause = errors.Join(c.cause, cause)
	}
	return &c
}

// WithMetadata adds a key and value to ErrorInfo, for programs. AIP-193 defines the form of keys:
// "instanceLimit", for example. Values that the message contains belong here too.
func (e *Error) WithMetadata(key, value string) *Error {
	return e.join(&errdetails.ErrorInfo{Metadata: map[string]string{valid(key): valid(value)}})
}

// WithViolations adds violations of request fields, as BadRequest.
func (e *Error) WithViolations(violations ...FieldViolation) *Error {
	if len(violations) == 0 {
		return e
	}
	return e.join(badRequest(violations...))
}

// WithPrecondition adds a failed precondition, as PreconditionFailure: its type, its subject, and
// a description that tells the developer how to meet it ("TERMS_OF_SERVICE", "example.com/terms",
// "accept the terms first").
func (e *Error) WithPrecondition(kind, subject, description string) *Error {
	violation := &errdetails.PreconditionFailure_Violation{Type: valid(kind), Subject: valid(subject), Description: valid(description)}
	return e.join(&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{violation}})
}

// WithQuota adds an exhausted quota, as QuotaFailure: its subject and its description
// ("project:42", "100 books a day").
func (e *Error) WithQuota(subject, description string) *Error {
	return e.join(quotaFailure(subject, description))
}

// WithResource names the resource that the error is about, as ResourceInfo: its type
// ("library.example.com/Book"), its name ("books/978-0"), and what is wrong with it, or "".
func (e *Error) WithResource(kind, name, description string) *Error {
	return e.WithDetail(&errdetails.ResourceInfo{ResourceType: valid(kind), ResourceName: valid(name), Description: valid(description)})
}

// WithRetryAfter sets how long the caller should wait before it retries, as RetryInfo. A negative
// wait is 0.
func (e *Error) WithRetryAfter(wait time.Duration) *Error {
	return e.WithDetail(retryInfo(wait))
}

// WithLocalizedMessage adds a message for the end user, as LocalizedMessage; locale is a BCP 47
// tag ("de-CH").
func (e *Error) WithLocalizedMessage(locale, message string) *Error {
	return e.WithDetail(&errdetails.LocalizedMessage{Locale: valid(locale), Message: valid(message)})
}

// WithDetail adds a copy of any message as a detail. DebugInfo and messages that cannot be
// encoded are never sent.
func (e *Error) WithDetail(detail proto.Message) *Error {
	if detail == nil || !detail.ProtoReflect().IsValid() {
		return e
	}
	return e.put(detail, func(proto.Message) proto.Message { return proto.Clone(detail) })
}

// join merges detail into the error's detail of the same type.
func (e *Error) join(detail proto.Message) *Error {
	return e.put(detail, func(had proto.Message) proto.Message {
		both := proto.Clone(had)
		proto.Merge(both, detail)
		return both
	})
}

// put returns a copy of the error in which replace has built the new detail of detail's type. The
// message passed to replace is empty at first.
func (e *Error) put(detail proto.Message, replace func(had proto.Message) proto.Message) *Error {
	c := *e
	kind := detail.ProtoReflect().Descriptor().FullName()
	i := slices.IndexFunc(c.details, func(had proto.Message) bool { return had.ProtoReflect().Descriptor().FullName() == kind })
	if i < 0 {
		i = len(c.details)
		c.details = append(slices.Clip(c.details), detail.ProtoReflect().New().Interface())
	} else {
		c.details = slices.Clone(c.details)
	}
	c.details[i] = replace(c.details[i])
	return &c
}

// retryInfo returns a RetryInfo with a delay of d, or 0 if d is negative.
func retryInfo(d time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(max(d, 0))}
}

// quotaFailure returns a QuotaFailure for the subject ("principal:alice").
func quotaFailure(subject, description string) *errdetails.QuotaFailure {
	violation := &errdetails.QuotaFailure_Violation{Subject: valid(subject), Description: valid(description)}
	return &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{violation}}
}

func badRequest(violations ...FieldViolation) *errdetails.BadRequest {
	bad := &errdetails.BadRequest{FieldViolations: make([]*errdetails.BadRequest_FieldViolation, len(violations))}
	for i, v := range violations {
		bad.FieldViolations[i] = &errdetails.BadRequest_FieldViolation{
			Field: valid(v.Field), Description: valid(v.Description), Reason: valid(v.Reason),
		}
	}
	return bad
}

// pack returns the details in the form that a status carries, without those that cannot be
// encoded.
func pack(details ...proto.Message) []*anypb.Any {
	packs := make([]*anypb.Any, 0, len(details))
	for _, detail := range details {
		if pack := packed(detail); pack != nil {
			packs = append(packs, pack)
		}
	}
	return packs
}

// FieldViolation describes what is wrong with one field of a request.
type FieldViolation struct {
	Field       string // path from the request, in proto names: "book.authors[2].name"; "" for the request
	Description string // in English, for the developer: "must have 13 digits"
	Reason      string // for programs, optional: "ISBN_CHECKSUM"
}
