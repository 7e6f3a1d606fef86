package rpcerr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Error is an error for the caller of a method: a code, a message, a [Reason], details, and a cause that is for the log only.
// [Reason.Errorf] makes one. The With methods return a copy that has more, so that one Error may be the base of many:
//
//	return nil, libraryv1service.ReasonOutOfStock.Errorf(codes.FailedPrecondition, "%q is out of stock", isbn).
//		WithResource("library.example.com/Book", name, "").
//		WithRetryAfter(time.Hour).
//		WithCause(err)
//
// An error has one detail of a kind: what lists violations grows, all other details are replaced. Of an error that is larger
// than [MaxErrorSize] the details that do not fit are left out; ErrorInfo and RetryInfo are kept before others.
type Error struct {
	code    codes.Code
	message string
	details []proto.Message
	cause   error
}

// Errorf returns an error with the code, whose message is for the developer of the caller: English, with what is wrong and
// what to do about it.
//
// The message never shows an error. Where an argument is one, the message says what its code is ("not found", "unknown
// error"), and the error becomes a cause as if by [Error.WithCause]. Pass err.Error() to show its text.
//
// A code that is OK or that gRPC does not know is a mistake: the caller gets INTERNAL "internal error", and the log says why.
func (r Reason) Errorf(code codes.Code, format string, args ...any) *Error {
	if false {
		_ = fmt.Errorf(format, args...) // go vet checks the calls of what looks like this
	}
	message, cause := publicText(format, args)
	if code == codes.OK || code > codes.Unauthenticated {
		cause = errors.Join(fmt.Errorf("an error was made with the code %v: %s", code, message), cause)
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

// WithCause adds what the error comes of, for the log and for [errors.Is] and [errors.As]. It is never sent.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	if c.cause == nil {
		c.cause = cause
	} else if cause != nil {
		c.cause = errors.Join(c.cause, cause)
	}
	return &c
}

// WithMetadata adds a value to ErrorInfo, for programs: keys as AIP-193 has them, such as "instanceLimit". What the message
// says of the case in hand belongs here too.
func (e *Error) WithMetadata(key, value string) *Error {
	return e.join(&errdetails.ErrorInfo{Metadata: map[string]string{valid(key): valid(value)}})
}

// WithViolations adds what is wrong with fields of the request, as BadRequest.
func (e *Error) WithViolations(violations ...FieldViolation) *Error {
	if len(violations) == 0 {
		return e
	}
	return e.join(badRequest(violations...))
}

// WithPrecondition adds a condition that is not met, as PreconditionFailure: its kind, what it is about, and for the
// developer how to meet it ("TERMS_OF_SERVICE", "example.com/terms", "accept the terms first").
func (e *Error) WithPrecondition(kind, subject, description string) *Error {
	violation := &errdetails.PreconditionFailure_Violation{Type: valid(kind), Subject: valid(subject), Description: valid(description)}
	return e.join(&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{violation}})
}

// WithQuota adds a quota that is used up, as QuotaFailure: whose it is and what it is ("project:42", "100 books a day").
func (e *Error) WithQuota(subject, description string) *Error {
	return e.join(quotaFailure(subject, description))
}

// WithResource names what the error is about, as ResourceInfo: its type ("library.example.com/Book"), its name
// ("books/978-0"), and what is wrong with it, or "".
func (e *Error) WithResource(kind, name, description string) *Error {
	return e.WithDetail(&errdetails.ResourceInfo{ResourceType: valid(kind), ResourceName: valid(name), Description: valid(description)})
}

// WithRetryAfter says how long the caller should wait before it tries again, as RetryInfo; a negative wait is 0.
func (e *Error) WithRetryAfter(wait time.Duration) *Error {
	return e.WithDetail(retryInfo(wait))
}

// WithLocalizedMessage adds a text for the end user, in the language of a BCP 47 tag ("de-CH"), as LocalizedMessage.
func (e *Error) WithLocalizedMessage(locale, message string) *Error {
	return e.WithDetail(&errdetails.LocalizedMessage{Locale: valid(locale), Message: valid(message)})
}

// WithDetail adds any message as a detail, a copy of it. DebugInfo is never sent, and neither is what cannot be encoded.
func (e *Error) WithDetail(detail proto.Message) *Error {
	if detail == nil || !detail.ProtoReflect().IsValid() {
		return e
	}
	return e.put(detail, func(proto.Message) proto.Message { return proto.Clone(detail) })
}

// join adds detail to what the error has of its kind.
func (e *Error) join(detail proto.Message) *Error {
	return e.put(detail, func(had proto.Message) proto.Message {
		both := proto.Clone(had)
		proto.Merge(both, detail)
		return both
	})
}

// put returns a copy of the error where replace has made a new detail of that of detail's kind, which is empty at first.
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

// retryInfo says how long a caller should wait before it tries again; a negative d is 0.
func retryInfo(d time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(max(d, 0))}
}

// quotaFailure says whose quota is used up ("principal:alice") and which.
func quotaFailure(subject, description string) *errdetails.QuotaFailure {
	violation := &errdetails.QuotaFailure_Violation{Subject: valid(subject), Description: valid(description)}
	return &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{violation}}
}

// badRequest says what is wrong with which fields.
func badRequest(violations ...FieldViolation) *errdetails.BadRequest {
	bad := &errdetails.BadRequest{FieldViolations: make([]*errdetails.BadRequest_FieldViolation, len(violations))}
	for i, v := range violations {
		bad.FieldViolations[i] = &errdetails.BadRequest_FieldViolation{
			Field: valid(v.Field), Description: valid(v.Description), Reason: valid(v.Reason),
		}
	}
	return bad
}

// valid makes text of anywhere fit for a field of a message, which must be UTF-8.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// pack returns details as a status carries them, without those that cannot be encoded.
func pack(details ...proto.Message) []*anypb.Any {
	packs := make([]*anypb.Any, 0, len(details))
	for _, detail := range details {
		if pack := packed(detail); pack != nil {
			packs = append(packs, pack)
		}
	}
	return packs
}

// packed returns a detail as a status carries it, or nil where it cannot be encoded.
func packed(detail proto.Message) *anypb.Any {
	if pack, err := anypb.New(detail); err == nil {
		return pack
	}
	return nil
}
