package operation

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/grpcservice/grpcservice/runtime"
)

// describe sets the customary constant fields of metadata: target, verb, api_version. It does not
// change fields that are set.
func describe(metadata protoreflect.Message, info runtime.MethodInfo, target string) {
	setText(metadata, "target", target)
	setText(metadata, "verb", verbOf(info.Name))
	setText(metadata, "api_version", versionOf(info.Service))
}

func setText(m protoreflect.Message, name protoreflect.Name, text string) {
	field := m.Descriptor().Fields().ByName(name)
	if field != nil && isText(field) && !m.Has(field) && text != "" {
		m.Set(field, protoreflect.ValueOfString(text))
	}
}

// verbOf returns the first word of an RPC's name: "process" of "ProcessBatch".
func verbOf(rpc string) string {
	if rpc == "" {
		return ""
	}
	if i := strings.IndexFunc(rpc[1:], unicode.IsUpper); i >= 0 {
		rpc = rpc[:1+i]
	}
	return strings.ToLower(rpc)
}

var version = regexp.MustCompile(`^v\d\w*$`)

// versionOf returns the version in the full name of a service: "v1" of "shop.v1.Orders".
func versionOf(service string) string {
	for _, part := range strings.Split(service, ".") {
		if version.MatchString(part) {
			return part
		}
	}
	return ""
}

// withTimes returns packed metadata with the operation's create_time, end_time and
// requested_cancellation.
func withTimes(packed *anypb.Any, r *Record) *anypb.Any {
	kind, err := protoregistry.GlobalTypes.FindMessageByURL(packed.GetTypeUrl())
	if err != nil {
		return packed
	}
	metadata := kind.New()
	if err := proto.Unmarshal(packed.GetValue(), metadata.Interface()); err != nil {
		return packed // whoever reads it will say so
	}
	set := setTimeOnce(metadata, "create_time", r.CreateTime)
	set = setTimeOnce(metadata, "end_time", r.DoneTime) || set
	if field := metadata.Descriptor().Fields().ByName("requested_cancellation"); field != nil && isBool(field) && !r.CancelTime.IsZero() {
		metadata.Set(field, protoreflect.ValueOfBool(true))
		set = true
	}
	if !set {
		return packed
	}
	encoded, err := proto.Marshal(metadata.Interface())
	if err != nil {
		return packed
	}
	return &anypb.Any{TypeUrl: packed.GetTypeUrl(), Value: encoded}
}

// setTimeOnce sets an unset Timestamp, and reports whether it did.
func setTimeOnce(m protoreflect.Message, name protoreflect.Name, at time.Time) bool {
	field := m.Descriptor().Fields().ByName(name)
	if field == nil || !isTimestamp(field) || m.Has(field) || at.IsZero() {
		return false
	}
	return transfer(m.Mutable(field).Message(), timestamppb.New(at)) == nil
}
