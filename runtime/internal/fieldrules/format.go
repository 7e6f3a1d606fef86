package fieldrules

import (
	"net/netip"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// formatRule is the format of a field's text.
type formatRule struct {
	field  protoreflect.FieldDescriptor
	format policy.Format
}

// check collects what is wrong with the text, or the texts, of a field that the mask names. An
// empty text is one that is not set.
func (r *formatRule) check(m protoreflect.Message, mask maskPart, w *walk) {
	if _, covers := mask.of(string(r.field.Name())); covers != coversAll || !m.Has(r.field) {
		return
	}
	value := m.Get(r.field)
	if !r.field.IsList() {
		r.checkText(pathStep{name: r.field.Name(), index: noIndex}, value.String(), w)
		return
	}
	list := value.List()
	for i := 0; i < list.Len() && w.next(); i++ {
		r.checkText(pathStep{name: r.field.Name(), index: i}, list.Get(i).String(), w)
	}
}

func (r *formatRule) checkText(step pathStep, text string, w *walk) {
	if text != "" && !hasFormat(text, r.format) {
		w.add(step, "it is not "+formatNames[r.format], "FORMAT")
	}
}

var formatNames = map[policy.Format]string{
	policy.FormatUUID4: "a UUID of version 4",
	policy.FormatIPv4:  "an IPv4 address",
	policy.FormatIPv6:  "an IPv6 address",
	policy.FormatIP:    "an IP address",
}

// hasFormat reports whether a text looks as it should.
func hasFormat(text string, format policy.Format) bool {
	if format == policy.FormatUUID4 {
		return uuid.IsV4(text)
	}
	addr, err := netip.ParseAddr(text)
	switch format {
	case policy.FormatIPv4:
		return err == nil && addr.Is4()
	case policy.FormatIPv6:
		return err == nil && addr.Is6()
	default:
		return err == nil
	}
}
