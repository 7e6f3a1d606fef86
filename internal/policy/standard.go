package policy

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// methodSignature is the number of the method option google.api.method_signature (AIP-4232).
const methodSignature protoreflect.FieldNumber = 1051

// standardOf returns the settings of standard options that are not rules of this project, for the
// report.
func standardOf(method protoreflect.MethodDescriptor) (rules []Rule) {
	if options, _ := method.Options().(*descriptorpb.MethodOptions); options.GetDeprecated() {
		rules = append(rules, Rule{Field: "deprecated", Value: true, Source: "deprecated"})
	}
	for _, info := range policy.RawFields(method.Options(), pattern.OperationInfo) {
		rules = append(rules, Rule{Field: "operation", Value: operationOf(info), Source: "google.longrunning.operation_info"})
	}
	for _, signature := range policy.RawFields(method.Options(), methodSignature) {
		rules = append(rules, Rule{Field: "signature", Value: string(signature), Source: "google.api.method_signature"})
	}
	if redacted := redactedIn(method.Input()); len(redacted) > 0 {
		rules = append(rules, Rule{Field: "redacted", Value: redacted, Source: "debug_redact", Place: string(method.Input().FullName())})
	}
	return rules
}

// operationOf parses an OperationInfo: the response and metadata types of a long-running operation.
func operationOf(info []byte) map[string]string {
	types := make(map[string]string)
	for len(info) > 0 {
		number, kind, size := protowire.ConsumeTag(info)
		if size < 0 || kind != protowire.BytesType {
			return types
		}
		text, length := protowire.ConsumeString(info[size:])
		if length < 0 {
			return types
		}
		switch number {
		case 1:
			types["response_type"] = text
		case 2:
			types["metadata_type"] = text
		}
		info = info[size+length:]
	}
	return types
}

// redactedIn returns the fields of a message that set debug_redact.
func redactedIn(message protoreflect.MessageDescriptor) (names []string) {
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if options, _ := field.Options().(*descriptorpb.FieldOptions); options.GetDebugRedact() {
			names = append(names, string(field.Name()))
		}
	}
	return names
}
