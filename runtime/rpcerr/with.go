package rpcerr

import (
	"errors"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
)

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
