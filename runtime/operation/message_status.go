package operation

import (
	"net/http"

	codepb "google.golang.org/genproto/googleapis/rpc/code"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// setStatus sets a field that is a google.rpc.Status, or a message with a code, a message and
// optional details.
func setStatus(path fieldPath, to protoreflect.Message, failure *spb.Status) error {
	own := path.holder(to).Mutable(path.field()).Message()
	if own.Descriptor().FullName() == statusName {
		return transfer(own, failure)
	}
	if list := errorList(own.Descriptor()); list != nil {
		own = own.Mutable(list).List().AppendMutable().Message()
	}
	fields := own.Descriptor().Fields()
	if code := fields.ByName("code"); code != nil {
		if value, ok := codeValue(code, failure.GetCode()); ok {
			own.Set(code, value)
		}
	}
	if text := fields.ByName("message"); text != nil && isText(text) {
		own.Set(text, protoreflect.ValueOfString(failure.GetMessage()))
	}
	details := fields.ByName("details")
	if !isAnyList(details) {
		return nil
	}
	list := own.Mutable(details).List()
	for _, detail := range failure.GetDetails() {
		if err := transfer(list.AppendMutable().Message(), detail); err != nil {
			return err
		}
	}
	return nil
}

// codeValue returns a code as a value of the field's type.
func codeValue(field protoreflect.FieldDescriptor, code int32) (value protoreflect.Value, ok bool) {
	if field.IsList() || field.IsMap() {
		return value, false
	}
	switch field.Kind() {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(code), true
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(code)), true
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(code)), true
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(code)), true
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(code)), true
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(codepb.Code(code).String()), true
	}
	return value, false
}

// statusAt returns what setStatus has set, or nil. A status of OK counts as unset, except in a
// oneof, where it replaces the response.
func statusAt(path fieldPath, from protoreflect.Message) (*spb.Status, error) {
	value, ok := path.get(from)
	if !ok {
		return nil, nil
	}
	failure := &spb.Status{}
	own := value.Message()
	if own.Descriptor().FullName() == statusName {
		if err := transfer(failure.ProtoReflect(), own.Interface()); err != nil {
			return nil, err
		}
	} else if err := readStatus(failure, own); err != nil {
		return nil, err
	}
	if failure.GetCode() == int32(codes.OK) && path.field().ContainingOneof() == nil && own.Descriptor().Fields().ByName("code") != nil {
		return nil, nil
	}
	return known(failure), nil
}

// readStatus reads a message that is similar to google.rpc.Status.
func readStatus(failure *spb.Status, own protoreflect.Message) error {
	if list := errorList(own.Descriptor()); list != nil {
		if own.Get(list).List().Len() == 0 {
			return nil
		}
		own = own.Get(list).List().Get(0).Message()
	}
	fields := own.Descriptor().Fields()
	if text := fields.ByName("message"); text != nil && isText(text) {
		failure.Message = own.Get(text).String()
	}
	if code := fields.ByName("code"); code != nil {
		failure.Code = codeOf(code, own.Get(code))
		if name := own.Get(code).String(); isText(code) && name != "" && failure.GetCode() == int32(codes.OK) {
			failure.Message = name + ": " + failure.GetMessage() // a code of the service's own
		}
	}
	details := fields.ByName("details")
	if !isAnyList(details) {
		return nil
	}
	for i := range own.Get(details).List().Len() {
		detail := &anypb.Any{}
		if err := transfer(detail.ProtoReflect(), own.Get(details).List().Get(i).Message().Interface()); err != nil {
			return err
		}
		failure.Details = append(failure.Details, detail)
	}
	return nil
}

// errorList returns the field of a message that has a list errors instead of a code and a message
// of its own, or nil.
func errorList(m protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	list := m.Fields().ByName("errors")
	if list == nil || !list.IsList() || list.Message() == nil || m.Fields().ByName("message") != nil {
		return nil
	}
	return list
}

func isAnyList(field protoreflect.FieldDescriptor) bool {
	return field != nil && field.IsList() && field.Message() != nil && field.Message().FullName() == anyName
}

// codeOf returns the code that a field holds.
func codeOf(field protoreflect.FieldDescriptor, value protoreflect.Value) int32 {
	if field.IsList() || field.IsMap() {
		return 0
	}
	switch held := value.Interface().(type) {
	case int32:
		return held
	case int64:
		return int32(held)
	case uint32:
		return int32(held)
	case uint64:
		return int32(held)
	case protoreflect.EnumNumber:
		return int32(held)
	case string:
		return codepb.Code_value[held]
	}
	return 0
}

// httpOf returns the HTTP status of a code, as google.rpc.Code documents it.
func httpOf(code codes.Code) int {
	switch code {
	case codes.OK:
		return http.StatusOK
	case codes.Canceled:
		return statusClientClosed
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	case codes.NotFound:
		return http.StatusNotFound
	case codes.AlreadyExists, codes.Aborted:
		return http.StatusConflict
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Unimplemented:
		return http.StatusNotImplemented
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// statusClientClosed is the HTTP status of a cancelled request.
const statusClientClosed = 499

// codeOfHTTP returns the code of an HTTP status. A status has fewer values than a code: the result
// is the most general one.
func codeOfHTTP(status int) codes.Code {
	switch status {
	case http.StatusBadRequest:
		return codes.InvalidArgument
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusConflict:
		return codes.Aborted
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case statusClientClosed:
		return codes.Canceled
	case http.StatusNotImplemented:
		return codes.Unimplemented
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	case http.StatusGatewayTimeout:
		return codes.DeadlineExceeded
	}
	switch status / 100 {
	case 0, 2:
		return codes.OK
	case 4:
		return codes.FailedPrecondition
	case 5:
		return codes.Internal
	}
	return codes.Unknown
}

// known changes the code of a failure from OK to UNKNOWN.
func known(failure *spb.Status) *spb.Status {
	if failure.GetCode() == int32(codes.OK) {
		failure.Code = int32(codes.Unknown)
	}
	return failure
}
