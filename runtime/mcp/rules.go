package mcp

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// rules are the rules of buf.validate for a field that a schema can express. They are read by their
// numbers, which are registered for all of protobuf, so that the package needs no Go code of them.
type rules struct {
	required bool
	kind     protowire.Number            // of the field in buf.validate.FieldRules
	values   map[protowire.Number]uint64 // of numbers and flags
	pattern  string
}

// The numbers in buf.validate.
const (
	validateField = 1159
	requiredRule  = 25
	ignoreRule    = 27
	ignoreAlways  = 3
	stringRules   = 14
	repeatedRules = 18
	mapRules      = 19
	lastNumeric   = 12

	numberLT, numberLTE, numberGT, numberGTE = 2, 3, 4, 5

	stringMin, stringMax, stringPattern, stringLen  = 2, 3, 6, 19
	stringEmail, stringHost, stringIPv4, stringIPv6 = 12, 13, 15, 16
	stringURI, stringUUID                           = 17, 22
	countMin, countMax                              = 1, 2
)

// rulesOf returns the rules of a field that are enforced.
func rulesOf(field protoreflect.FieldDescriptor) rules {
	r := rules{values: make(map[protowire.Number]uint64)}
	isIgnored := false
	for _, raw := range policy.RawFields(field.Options(), validateField) {
		each(raw, func(number protowire.Number, value uint64, inner []byte) {
			switch {
			case number == requiredRule:
				r.required = value != 0
			case number == ignoreRule:
				isIgnored = value == ignoreAlways
			case inner != nil && (number <= lastNumeric || number == stringRules || number == repeatedRules || number == mapRules):
				r.kind = number
				each(inner, func(number protowire.Number, value uint64, inner []byte) {
					if inner == nil {
						r.values[number] = value
					} else if r.kind == stringRules && number == stringPattern {
						r.pattern = string(inner)
					}
				})
			}
		})
	}
	if isIgnored {
		return rules{}
	}
	return r
}

// each calls f for the fields of an encoded message: numbers with their bits, and the others with
// their bytes, which are not nil.
func each(raw []byte, f func(number protowire.Number, value uint64, inner []byte)) {
	for len(raw) > 0 {
		number, kind, tag := protowire.ConsumeTag(raw)
		if tag < 0 {
			return
		}
		raw = raw[tag:]
		size := protowire.ConsumeFieldValue(number, kind, raw)
		if size < 0 {
			return
		}
		switch kind {
		case protowire.VarintType:
			value, _ := protowire.ConsumeVarint(raw)
			f(number, value, nil)
		case protowire.Fixed32Type:
			value, _ := protowire.ConsumeFixed32(raw)
			f(number, uint64(value), nil)
		case protowire.Fixed64Type:
			value, _ := protowire.ConsumeFixed64(raw)
			f(number, value, nil)
		case protowire.BytesType:
			inner, _ := protowire.ConsumeBytes(raw)
			f(number, 0, append([]byte{}, inner...))
		}
		raw = raw[size:]
	}
}

// addTo adds the rules to the schema of the field.
func (r rules) addTo(s *schema, field protoreflect.FieldDescriptor) {
	switch {
	case r.kind == 0:
		addFormat(s, field)
	case r.kind == repeatedRules && field.IsList():
		s.MinItems, s.MaxItems = r.count(countMin), r.count(countMax)
	case r.kind == mapRules && field.IsMap():
		s.MinProperties, s.MaxProperties = r.count(countMin), r.count(countMax)
	case field.IsList() || field.IsMap() || s.Ref != "":
	case r.kind == stringRules && field.Kind() == protoreflect.StringKind:
		r.addString(s)
	case r.kind <= lastNumeric && (s.Type == "integer" || s.Type == "number"):
		r.addNumber(s, field.Kind())
	}
}

// addFormat adds the format of google.api.field_info.
func addFormat(s *schema, field protoreflect.FieldDescriptor) {
	formats := map[policy.Format]string{policy.FormatUUID4: "uuid", policy.FormatIPv4: "ipv4", policy.FormatIPv6: "ipv6"}
	if format := formats[policy.FormatOf(field)]; format != "" && !field.IsList() {
		s.Format = format
	}
}

// addString adds the rules of a string.
func (r rules) addString(s *schema) {
	s.MinLength, s.MaxLength = r.count(stringMin), r.count(stringMax)
	if n := r.count(stringLen); n != nil {
		s.MinLength, s.MaxLength = n, n
	}
	if isPortable(r.pattern) {
		s.Pattern = r.pattern
	}
	for number, format := range map[protowire.Number]string{
		stringEmail: "email", stringHost: "hostname", stringIPv4: "ipv4", stringIPv6: "ipv6", stringURI: "uri", stringUUID: "uuid",
	} {
		if r.values[number] == 1 {
			s.Format = format
		}
	}
}

// isPortable reports whether a pattern of RE2 means the same in schemas, whose patterns are those of
// JavaScript with Unicode, which rejects escapes that it does not know.
func isPortable(pattern string) bool {
	if strings.Contains(pattern, "(?") || strings.Contains(pattern, "[[") || strings.Contains(pattern, "[:") {
		return false
	}
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '\\' {
			continue
		}
		if i++; i == len(pattern) || !strings.Contains(`dDwWsSbBtnrfv.^$\*+?()[]{}|/-`, pattern[i:i+1]) {
			return false
		}
	}
	return true
}

// addNumber adds the rules of a number.
func (r rules) addNumber(s *schema, kind protoreflect.Kind) {
	for number, at := range map[protowire.Number]*json.RawMessage{
		numberLT: &s.ExclusiveMaximum, numberLTE: &s.Maximum, numberGT: &s.ExclusiveMinimum, numberGTE: &s.Minimum,
	} {
		if value, ok := r.values[number]; ok {
			if text := numberText(kind, value); text != "" {
				*at = json.RawMessage(text)
			}
		}
	}
}

// numberText returns a number of a kind that has been encoded as bits; "" if JSON has no such number.
func numberText(kind protoreflect.Kind, bits uint64) string {
	switch kind {
	case protoreflect.FloatKind:
		return floatText(float64(math.Float32frombits(uint32(bits))), 32)
	case protoreflect.DoubleKind:
		return floatText(math.Float64frombits(bits), 64)
	case protoreflect.Sint32Kind:
		return strconv.FormatInt(protowire.DecodeZigZag(bits), 10)
	case protoreflect.Int32Kind, protoreflect.Sfixed32Kind:
		return strconv.FormatInt(int64(int32(bits)), 10)
	default:
		return strconv.FormatUint(uint64(uint32(bits)), 10)
	}
}

func floatText(x float64, bits int) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', -1, bits)
}

// count returns a count as JSON; nil if it is unset.
func (r rules) count(number protowire.Number) json.RawMessage {
	if n, ok := r.values[number]; ok {
		return json.RawMessage(strconv.FormatUint(n, 10))
	}
	return nil
}
