package apidoc

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/apidoc/markup"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// httpOption is the number of the method option google.api.http (AIP-127). The plugin links no
// package for it, so it reads the encoded rule.
const httpOption protoreflect.FieldNumber = 72295728

// The fields of google.api.HttpRule.
const (
	ruleGet          = 2
	rulePut          = 3
	rulePost         = 4
	ruleDelete       = 5
	rulePatch        = 6
	ruleBody         = 7
	ruleCustom       = 8
	ruleAdditional   = 11
	ruleResponseBody = 12

	customKind = 1 // google.api.CustomHttpPattern
	customPath = 2
)

var httpMethods = map[protowire.Number]string{
	ruleGet: "GET", rulePut: "PUT", rulePost: "POST", ruleDelete: "DELETE", rulePatch: "PATCH",
}

// restFacts returns the HTTP methods and paths of an RPC, a line for each binding.
func restFacts(c call) (lines []markup.Text) {
	// The parts of an option that several statements set are one message.
	rule := slices.Concat(policy.RawFields(c.desc.Desc.Options(), httpOption)...)
	bindings, additional := bindingsOf(rule)
	for _, raw := range additional {
		more, _ := bindingsOf(raw) // a nested binding has no further ones
		bindings = append(bindings, more...)
	}
	for _, b := range bindings {
		lines = append(lines, b.text())
	}
	return lines
}

// binding is an HTTP method with a path, to which a gateway maps an RPC.
type binding struct {
	method, path string
	body         string // the field, "*" for the whole request, or ""
	responseBody string // the field, or "" for the whole response
}

// text returns the line of a binding.
func (b binding) text() markup.Text {
	spans := markup.Spans(markup.Code(b.method + " " + b.path))
	switch b.body {
	case "":
	case "*":
		spans = markup.Spans(spans, ", with the request as the body")
	default:
		spans = markup.Spans(spans, ", with the field ", markup.Code(b.body), " as the body")
	}
	if b.responseBody != "" {
		spans = markup.Spans(spans, "; the body of the response is the field ", markup.Code(b.responseBody))
	}
	return markup.Say(spans)
}

// bindingsOf returns the binding of an encoded HttpRule, if it has a path, and its additional
// rules.
func bindingsOf(rule []byte) (bindings []binding, additional [][]byte) {
	var b binding
	eachIn(rule, func(number protowire.Number, value []byte) {
		switch number {
		case ruleBody:
			b.body = string(value)
		case ruleResponseBody:
			b.responseBody = string(value)
		case ruleAdditional:
			additional = append(additional, value)
		case ruleCustom:
			b.method, b.path = customOf(value)
		default:
			if method := httpMethods[number]; method != "" {
				b.method, b.path = method, string(value)
			}
		}
	})
	if b.path != "" {
		bindings = append(bindings, b)
	}
	return bindings, additional
}

// customOf returns the method and the path of an encoded CustomHttpPattern.
func customOf(pattern []byte) (method, path string) {
	eachIn(pattern, func(number protowire.Number, value []byte) {
		switch number {
		case customKind:
			method = string(value)
		case customPath:
			path = string(value)
		}
	})
	return cmp.Or(method, "*"), path
}

// eachIn calls do for the texts and messages in an encoded message, in their order.
func eachIn(raw []byte, do func(protowire.Number, []byte)) {
	for len(raw) > 0 {
		number, kind, tag := protowire.ConsumeTag(raw)
		if tag < 0 {
			return
		}
		size := protowire.ConsumeFieldValue(number, kind, raw[tag:])
		if size < 0 {
			return
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(raw[tag:])
			do(number, value)
		}
		raw = raw[tag+size:]
	}
}
