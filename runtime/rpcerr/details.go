package rpcerr

import (
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

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
