package rpcerr

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
)

// ReasonOf returns the reason that a call failed, for programs, or "" if the error has none: it
// has no status, or its server sends no ErrorInfo.
//
//	switch rpcerr.ReasonOf(err) {
//	case libraryv1service.ReasonOutOfStock:
//		...
//	case rpcerr.ReasonRateLimited:
//		...
//	}
func ReasonOf(err error) Reason {
	for info := range detailsOf[*errdetails.ErrorInfo](err) {
		if info.GetReason() != "" {
			return newReason(info.GetDomain(), info.GetReason())
		}
	}
	return ""
}

// FieldViolations returns the violations of request fields in the server's order, or nil.
func FieldViolations(err error) (violations []FieldViolation) {
	for bad := range detailsOf[*errdetails.BadRequest](err) {
		for _, v := range bad.GetFieldViolations() {
			violations = append(violations, FieldViolation{Field: v.GetField(), Description: v.GetDescription(), Reason: v.GetReason()})
		}
	}
	return violations
}

// RetryAfter returns how long the server asks its caller to wait before it retries. It returns
// false if the error has no RetryInfo or the delay is invalid. The server may send any duration:
// enforce a maximum.
func RetryAfter(err error) (time.Duration, bool) {
	for info := range detailsOf[*errdetails.RetryInfo](err) {
		if delay := info.GetRetryDelay(); delay.CheckValid() == nil && delay.AsDuration() >= 0 {
			return delay.AsDuration(), true
		}
	}
	return 0, false
}

// Detail returns the first detail of type T in the status of err. It ignores details that cannot
// be decoded.
//
//	if failure, ok := rpcerr.Detail[*errdetails.PreconditionFailure](err); ok {
func Detail[T proto.Message](err error) (detail T, ok bool) {
	for detail := range detailsOf[T](err) {
		return detail, true
	}
	return detail, false
}

// detailsOf yields the details of type T in the status of err that can be decoded.
func detailsOf[T proto.Message](err error) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		var none T
		_, st := statusIn(err)
		if st == nil || any(none) == nil { // proto.Message itself is no concrete type
			return
		}
		for _, packed := range st.Proto().GetDetails() {
			if !packed.MessageIs(none) {
				continue
			}
			detail := none.ProtoReflect().New().Interface().(T)
			if packed.UnmarshalTo(detail) == nil && !yield(detail) {
				return
			}
		}
	}
}
