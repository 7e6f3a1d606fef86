package apidoc

import (
	"strings"

	"github.com/grpcservice/grpcservice/internal/apidoc/markup"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// runtimeDomain is the domain of the reasons of the runtime.
const runtimeDomain = "grpcservice"

// ruled is a reason of the runtime, and when an RPC can return it. docs/errors.md has the same
// reasons and codes.
type ruled struct {
	names, code string // several names are separated by spaces
	when, then  string
	is          func(b *builder, c call) bool
}

// reasons returns the reasons that an RPC can return besides those of every RPC: those of the
// service that its comment names, and those that follow from its policy.
func (b *builder) reasons(c call) (reasons []Reason) {
	doc := docOf(c.desc.Comments).String()
	for _, own := range ownReasons(c.file) {
		if namesReason(doc, own.Names[0]) {
			reasons = append(reasons, own)
		}
	}
	return append(reasons, reasonsIn(b, c, specific)...)
}

// commonReasons returns the reasons that every one of the calls can return.
func commonReasons(calls []call) (reasons []Reason) {
	if len(calls) == 0 {
		return nil
	}
	return reasonsIn(nil, calls[0], common)
}

func reasonsIn(b *builder, c call, table []ruled) (reasons []Reason) {
	for _, r := range table {
		if r.is == nil || r.is(b, c) {
			reasons = append(reasons, Reason{
				Names: strings.Fields(r.names), Code: r.code, Domain: runtimeDomain,
				When: markup.Say(r.when), Then: r.then,
			})
		}
	}
	return reasons
}

// ownReasons returns the reasons that the enums of a file declare. The code of a reason is the one
// that its comment names.
func ownReasons(f model.File) (reasons []Reason) {
	for _, list := range f.Reasons {
		for _, r := range list.Values {
			slash := strings.LastIndexByte(r.Value, '/')
			doc := markup.Parse(r.Comment)
			reasons = append(reasons, Reason{
				Names: []string{r.Value[slash+1:]}, Domain: r.Value[:slash], Code: codeIn(doc.String()), When: doc,
			})
		}
	}
	return reasons
}

// codeIn returns the first code of gRPC that a text names, or "".
func codeIn(text string) string {
	for _, word := range strings.FieldsFunc(text, isNotOfReason) {
		if grpcCodes[word] {
			return word
		}
	}
	return ""
}

// namesReason reports whether a text names a reason.
func namesReason(text, reason string) bool {
	for _, word := range strings.FieldsFunc(text, isNotOfReason) {
		if word == reason && !grpcCodes[word] {
			return true
		}
	}
	return false
}

func isNotOfReason(r rune) bool {
	return !('A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_')
}

// grpcCodes are the names of the codes of errors.
var grpcCodes = map[string]bool{
	"CANCELED": true, "CANCELLED": true, "UNKNOWN": true, "INVALID_ARGUMENT": true, "DEADLINE_EXCEEDED": true,
	"NOT_FOUND": true, "ALREADY_EXISTS": true, "PERMISSION_DENIED": true, "RESOURCE_EXHAUSTED": true,
	"FAILED_PRECONDITION": true, "ABORTED": true, "OUT_OF_RANGE": true, "UNIMPLEMENTED": true,
	"INTERNAL": true, "UNAVAILABLE": true, "DATA_LOSS": true, "UNAUTHENTICATED": true,
}

// common are the reasons that every RPC can return.
var common = []ruled{
	{"METHOD_UNIMPLEMENTED", "UNIMPLEMENTED", "The server does not implement the RPC.", "Nothing.", nil},
	{"OVERLOADED", "UNAVAILABLE", "The server or the RPC runs as many calls as it may.", "Retry after RetryInfo.", nil},
	{"TOO_MANY_CALLS", "RESOURCE_EXHAUSTED", "The client has as many concurrent calls as it may.", "Wait until some of its calls have finished.", nil},
	{"SERVER_DRAINING", "UNAVAILABLE", "The server is shutting down.", "Retry; another server handles the call.", nil},
	{"UPSTREAM_FAILED", "", "A call to another service failed. The code is that of the call, or INTERNAL.", "As the code suggests.", nil},
	{"INTERNAL", "INTERNAL", "A mistake of the service; its log has the cause.", "Report the request ID.", nil},
	{"UNKNOWN", "UNKNOWN", "The service returned an error without a code.", "Report the request ID.", nil},
}

// specific are the reasons that follow from the policy and the patterns of an RPC.
var specific = []ruled{
	{"INVALID_REQUEST", "INVALID_ARGUMENT", "The request violates a rule of its fields, which BadRequest names.", "Correct the request.",
		func(b *builder, c call) bool {
			p := c.Policy.Policy
			return p.Validate || p.IdempotencyKey.Field != "" || p.Permission.Name != ""
		}},
	{"UNAUTHENTICATED TOKEN_EXPIRED TOKEN_INVALID TOKEN_REVOKED", "UNAUTHENTICATED", "The call has no credentials, or none that are accepted.", "Log in again.",
		func(b *builder, c call) bool { return !isPublic(c) }},
	{"NO_POLICY", "PERMISSION_DENIED", "The RPC has no auth policy, and the server authenticates.", "Nothing.",
		func(b *builder, c call) bool { return c.Policy.Auth == nil }},
	{"MISSING_SCOPE", "PERMISSION_DENIED", "The caller lacks a scope.", "Request the scope.",
		func(b *builder, c call) bool {
			return c.Policy.Auth != nil && len(c.Policy.Auth.AllOf)+len(c.Policy.Auth.AnyOf) > 0 || b.itemsNeedScopes(c)
		}},
	{"PRINCIPAL_NOT_ALLOWED", "PERMISSION_DENIED", "The caller is none of the principals.", "Nothing.",
		func(b *builder, c call) bool { return c.Policy.Auth != nil && len(c.Policy.Auth.Principals) > 0 }},
	{"MISSING_PERMISSION", "PERMISSION_DENIED", "The caller lacks the permission on the resource.", "Request the permission.",
		func(b *builder, c call) bool {
			return c.Policy.Permission.Name != "" && !c.Policy.Permission.HideExistence
		}},
	{"RESOURCE_NOT_FOUND", "NOT_FOUND", "The resource does not exist, or the caller must not know that it does.", "Check the name.",
		func(b *builder, c call) bool { return c.Policy.Permission.HideExistence }},
	{"AUTHORIZATION_UNAVAILABLE", "UNAVAILABLE", "The server cannot decide whether the caller has the permission.", "Retry later.",
		func(b *builder, c call) bool { return c.Policy.Permission.Name != "" }},
	{"RATE_LIMITED", "RESOURCE_EXHAUSTED", "Calls exceed the rate.", "Retry after RetryInfo.",
		func(b *builder, c call) bool { return len(c.Policy.Rates) > 0 }},
	{"REQUEST_TOO_LARGE", "RESOURCE_EXHAUSTED", "The request exceeds the size.", "Send a smaller request.",
		func(b *builder, c call) bool {
			return c.Policy.MaxRequestBytes > 0 || c.Policy.IdempotencyKey.Field != ""
		}},
	{"STREAM_IDLE", "DEADLINE_EXCEEDED", "The stream had no message for too long.", "Open the stream again when there is something to send.",
		func(b *builder, c call) bool { return c.Kind != model.Unary && c.Policy.IdleTimeout > 0 }},
	{"STREAM_TIMEOUT", "DEADLINE_EXCEEDED", "The stream was open for too long.", "Open the stream again.",
		func(b *builder, c call) bool { return c.Kind != model.Unary && c.Policy.TotalTimeout > 0 }},
	{"SLOW_CONSUMER", "RESOURCE_EXHAUSTED", "The caller did not read for too long.", "Open the stream again, and read faster.",
		func(b *builder, c call) bool { return c.Kind.StreamsResponses() }},

	{"PAGE_TOKEN_INVALID PAGE_TOKEN_EXPIRED PAGE_TOKEN_MISMATCH", "INVALID_ARGUMENT", "The page token is not valid for the RPC, has expired, or belongs to a request with other fields.", "Start with the first page.",
		hasField("page", "token")},
	{"PAGE_SIZE_INVALID PAGE_SKIP_INVALID ORDER_INVALID FILTER_INVALID", "INVALID_ARGUMENT", "The size, skip, order or filter is invalid.", "Correct the request.",
		hasPattern("page")},
	{"PAGE_TOO_LARGE", "RESOURCE_EXHAUSTED", "The list does not fit into a response.", "Request fewer items.",
		func(b *builder, c call) bool { return hasPattern("page")(b, c) && !hasField("page", "token")(b, c) }},
	{"BATCH_EMPTY BATCH_TOO_LARGE BATCH_FIELD_MISMATCH", "INVALID_ARGUMENT", "Too few or too many items, or an item that contradicts the request.", "Correct the request.",
		func(b *builder, c call) bool { return c.Policy.Batch.MaxSize > 0 }},
	{"BATCH_NOT_FOUND", "NOT_FOUND", "An item does not exist; BadRequest has its index.", "Request the others.",
		hasPattern("batch")},
	{"BATCH_CHILD_FAILED", "", "An item failed with an error that has no reason. The code is that of the item.", "As the code suggests.",
		hasPattern("batch")},
	{"BATCH_RESPONSE_TOO_LARGE", "RESOURCE_EXHAUSTED", "The results do not fit into a response.", "Send fewer items.",
		hasPattern("batch")},
	{"REQUEST_ID_REUSED", "INVALID_ARGUMENT", "The idempotency key belongs to another request.", "Use a new key.",
		func(b *builder, c call) bool { return c.Policy.IdempotencyKey.Field != "" }},
	{"REQUEST_IN_PROGRESS", "ABORTED", "The call with this idempotency key is still running.", "Retry after RetryInfo.", isGuarded},
	{"IDEMPOTENCY_UNAVAILABLE", "UNAVAILABLE", "The store of idempotency keys is unavailable.", "Retry.", isGuarded},
	{"IDEMPOTENCY_STORE_FULL", "RESOURCE_EXHAUSTED", "Too many calls of the caller are running, or the response is too large to store.", "Retry after RetryInfo.", isGuarded},
	{"OPERATION_NOT_FOUND", "NOT_FOUND", "The operation does not exist, or another principal started it.", "Correct the name.",
		hasPattern("operation_get")},
	{"OPERATION_CONFLICT", "ABORTED", "Another operation has the same conflict key.", "Wait for it, or cancel it.",
		hasField("operation", "conflict_key")},
	{"OPERATION_STORE_UNAVAILABLE", "UNAVAILABLE", "The store of operations is unavailable.", "Retry.",
		func(b *builder, c call) bool {
			return c.Policy.Operation.Lease > 0 || hasPattern("operation_get")(b, c)
		}},
	{"OPERATION_STORE_FULL", "RESOURCE_EXHAUSTED", "The caller's share of the store is used up.", "Retry when other operations have finished.", isOperation},
	{"OPERATION_CANCELLED", "CANCELED", "The operation was canceled. Operations end with this error; the call does not.", "Start it again if needed.", isOperation},
	{"OPERATION_TIMEOUT", "DEADLINE_EXCEEDED", "The operation ran for as long as it may. Operations end with this error.", "Start it again, with less work.",
		func(b *builder, c call) bool { return c.Policy.Operation.Timeout > 0 }},
	{"OPERATION_ATTEMPTS_EXHAUSTED", "ABORTED", "The servers that ran the operation failed too often. Operations end with this error.", "Start it again.", isOperation},
	{"OPERATION_TOO_LARGE", "RESOURCE_EXHAUSTED", "The result or the metadata is too large to be sent. Operations end with this error.", "Ask for less.", isOperation},
	{"OPERATION_NONE_SUCCEEDED", "ABORTED", "Each of the items failed. Operations end with this error.", "Correct the items.",
		hasField("operation", "children")},
	{"SEARCH_LIMIT_INVALID", "INVALID_ARGUMENT", "The limit is negative.", "Omit it.", hasField("search", "limit")},
	{"POSITION_INVALID", "INVALID_ARGUMENT", "The position is not one of this subscription.", "Send a position unchanged.",
		hasField("subscription", "position")},
	{"POSITION_EXPIRED POSITION_UNKNOWN", "OUT_OF_RANGE", "The server no longer has the events after the position.", "Read the current state and subscribe again.",
		hasPattern("subscription")},
	{"SUBSCRIPTION_START_INVALID SUBSCRIPTION_FILTER_INVALID", "INVALID_ARGUMENT", "The time, number of lines, type or level is invalid.", "Correct the request.",
		hasPattern("subscription")},
	{"LOG_UNAVAILABLE", "UNAVAILABLE", "The servers of the log do not answer.", "Retry.", hasPattern("subscription")},
	{"UPLOAD_HEADER_MISSING UPLOAD_HEADER_REPEATED UPLOAD_NAME_INVALID", "INVALID_ARGUMENT", "The header or the name of a file is missing, repeated or too long.", "Correct the client.",
		hasPattern("upload")},
	{"UPLOAD_OUT_OF_ORDER UPLOAD_INCOMPLETE UPLOAD_SIZE_EXCEEDED UPLOAD_CHECKSUM_INVALID UPLOAD_TOO_MANY_EMPTY", "INVALID_ARGUMENT", "The chunks are not those of the file.", "Send the file again.",
		hasPattern("upload")},
	{"UPLOAD_TOO_LARGE UPLOAD_TOO_MANY_FILES", "RESOURCE_EXHAUSTED", "The files exceed the limits.", "Send less.", hasPattern("upload")},
	{"UPLOAD_STAGING_FULL", "RESOURCE_EXHAUSTED", "Too many unfinished uploads, or a full disk.", "Finish some, or retry after RetryInfo.", hasPattern("upload")},
	{"UPLOAD_TAKEN_OVER", "ABORTED", "Another call has resumed the upload.", "Nothing: the other call continues.", hasPattern("upload")},
	{"BULK_TOO_MANY_ITEMS", "RESOURCE_EXHAUSTED", "The stream has too many items.", "Send fewer items.",
		func(b *builder, c call) bool { return c.Policy.Bulk.MaxItems > 0 }},
	{"BULK_TOO_MANY_FAILURES", "ABORTED", "Too many items failed; index in the metadata is the last.", "Correct the items.",
		func(b *builder, c call) bool { return c.Policy.Bulk.Concurrency > 0 }},
	{"HANDSHAKE_MISSING HANDSHAKE_REPEATED", "INVALID_ARGUMENT", "The first request has no configuration, or a later one has.", "Send the configuration once, first.",
		hasPattern("handshake")},
	{"HANDSHAKE_TIMEOUT", "DEADLINE_EXCEEDED", "The first request did not arrive in time.", "Send it as soon as the stream is open.",
		func(b *builder, c call) bool { return c.Policy.Handshake.Timeout > 0 }},
	{"ROOM_INVALID", "INVALID_ARGUMENT", "The first message names no room, or a later one another room.", "Name one room per call.", hasPattern("room")},
	{"ROOM_FULL TOO_MANY_ROOMS TOO_MANY_MEMBERSHIPS", "RESOURCE_EXHAUSTED", "The room has too many members, the service too many rooms, or the caller is in too many.", "Leave a room, or try again later.", hasPattern("room")},
	{"MESSAGE_TOO_LARGE", "RESOURCE_EXHAUSTED", "The message is too large for the other servers.", "Send a smaller message.", hasPattern("room")},
	{"BUS_FAILED", "UNAVAILABLE", "Rooms are not connected to those of other servers.", "Retry.", hasPattern("room")},
}

func isPublic(c call) bool { return c.Policy.Auth != nil && c.Policy.Auth.Public }

// isGuarded reports whether the server stores responses by idempotency key.
func isGuarded(_ *builder, c call) bool {
	return c.Policy.IdempotencyKey.Field != "" && c.Policy.Operation.Lease == 0 && c.Policy.Idempotency != policy.NoSideEffects
}

func isOperation(_ *builder, c call) bool { return c.Policy.Operation.Lease > 0 }

func hasPattern(name string) func(*builder, call) bool {
	return func(_ *builder, c call) bool { return fieldsOf(c, name) != nil }
}

func hasField(pattern, field string) func(*builder, call) bool {
	return func(_ *builder, c call) bool { return found(fieldsOf(c, pattern)).path(field) != "" }
}

// itemsNeedScopes reports whether a batch requires the scopes of the RPC for one item.
func (b *builder) itemsNeedScopes(c call) bool {
	single := found(fieldsOf(c, "batch")).path("single")
	if single == "" || c.Policy.Batch.OwnPolicy {
		return false
	}
	for _, other := range b.calls {
		if other.service.FullName == c.service.FullName && other.Name == single {
			a := other.Policy.Auth
			return a != nil && len(a.AllOf)+len(a.AnyOf) > 0
		}
	}
	return false
}
