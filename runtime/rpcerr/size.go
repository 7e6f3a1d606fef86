package rpcerr

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Limits within the 8 KiB of trailers that gRPC for Java, C++ and Python accepts by default. A
// client that receives more reports a transport error instead of the error sent. The rest of the
// 8 KiB is for other trailers.
const (
	// MaxErrorSize is the maximum size of an error in the trailers, in bytes as HTTP/2 counts
	// them: the message, and once more the message with the details, in base64.
	MaxErrorSize = 7 << 10
	// MaxErrorMessage is the size at which the message of an error larger than [MaxErrorSize] is
	// cut, in bytes as sent: three for each byte that is not printable ASCII.
	MaxErrorMessage = 1 << 10
)

// makeSendable prepares p for sending and reports whether it changed anything. It removes
// DebugInfo, which is for the service only, and details that cannot be encoded. If p is larger
// than [MaxErrorSize], it cuts the message; if that is not enough, it keeps ErrorInfo, RetryInfo
// and then the others in their order, each if it fits.
func makeSendable(p *spb.Status) (changed bool) {
	if text := valid(p.Message); text != p.Message {
		p.Message, changed = text, true
	}
	if slices.ContainsFunc(p.Details, unsendable) {
		p.Details, changed = slices.DeleteFunc(p.Details, unsendable), true
	}
	if trailerSize(p) <= MaxErrorSize {
		return changed
	}
	p.Message = cutMessage(p.Message)
	if trailerSize(p) > MaxErrorSize {
		keepWhatFits(p)
	}
	return true
}

// unsendable reports whether a detail must not be sent, or would keep the others from being sent.
func unsendable(detail *anypb.Any) bool {
	url := detail.GetTypeUrl()
	return url == "" || !utf8.ValidString(url) || detail.MessageIs((*errdetails.DebugInfo)(nil))
}

// fieldOverhead is the number of bytes that HTTP/2 counts for a header field in addition to its
// name and value.
const fieldOverhead = 32

// errorOverhead is the size of an error's three trailers without the message and details.
const errorOverhead = len("grpc-status"+"16") + len("grpc-message") + len("grpc-status-details-bin") + 3*fieldOverhead

// trailerSize returns the size of p in the trailers, in bytes.
func trailerSize(p *spb.Status) int {
	size := errorOverhead + messageSize(p.Message)
	if len(p.Details) > 0 {
		size += base64.RawStdEncoding.EncodedLen(proto.Size(p))
	}
	return size
}

// messageSize returns the size of a message in grpc-message, in bytes.
func messageSize(message string) (size int) {
	for i := range len(message) {
		size += byteSize(message[i])
	}
	return size
}

func byteSize(c byte) int {
	if c < ' ' || c > '~' || c == '%' {
		return len("%00")
	}
	return 1
}

// cutMessage cuts a message larger than [MaxErrorMessage] between two characters and appends
// "...".
func cutMessage(message string) string {
	const mark = "..."
	if messageSize(message) <= MaxErrorMessage {
		return message
	}
	end, size := 0, len(mark)
	for i, r := range message {
		width := utf8.RuneLen(r)
		if size += messageSize(message[i : i+width]); size > MaxErrorMessage {
			break
		}
		end = i + width
	}
	return message[:end] + mark
}

// keepWhatFits keeps the details of p that fit, the most useful to programs first.
func keepWhatFits(p *spb.Status) {
	details := p.Details
	slices.SortStableFunc(details, func(a, b *anypb.Any) int { return rank(a) - rank(b) })
	p.Details = nil
	room := base64.RawStdEncoding.DecodedLen(MaxErrorSize-trailerSize(p)) - proto.Size(p)
	for _, detail := range details {
		if detailSize(detail) > room {
			detail = shorten(detail, room)
		}
		if detail != nil {
			p.Details = append(p.Details, detail)
			room -= detailSize(detail)
		}
	}
}

// rank orders details by their use to programs.
func rank(detail *anypb.Any) int {
	switch {
	case detail.MessageIs((*errdetails.ErrorInfo)(nil)):
		return 0
	case detail.MessageIs((*errdetails.RetryInfo)(nil)):
		return 1
	}
	return 2
}

// detailSize returns the size of a detail in a status message, in bytes.
func detailSize(detail *anypb.Any) int {
	return protowire.SizeTag(3) + protowire.SizeBytes(proto.Size(detail))
}

// shorten returns a shorter form of a detail that fits into room bytes, or nil: ErrorInfo without
// metadata, BadRequest with the first violations.
func shorten(detail *anypb.Any, room int) *anypb.Any {
	info, bad := new(errdetails.ErrorInfo), new(errdetails.BadRequest)
	switch {
	case detail.UnmarshalTo(info) == nil:
		info.Metadata = nil
		detail = packed(info)
	case detail.UnmarshalTo(bad) == nil:
		firstViolations(bad, room)
		if len(bad.FieldViolations) == 0 {
			return nil
		}
		detail = packed(bad)
	}
	if detailSize(detail) > room {
		return nil
	}
	return detail
}

// firstViolations keeps the first violations of bad that fit into room bytes.
func firstViolations(bad *errdetails.BadRequest, room int) {
	all := bad.FieldViolations
	bad.FieldViolations = nil
	// Two lengths around the violations grow with them.
	room -= detailSize(packed(bad)) + 2*(protowire.SizeVarint(MaxErrorSize)-1)
	for _, v := range all {
		if room -= protowire.SizeTag(1) + protowire.SizeBytes(proto.Size(v)); room < 0 {
			return
		}
		bad.FieldViolations = append(bad.FieldViolations, v)
	}
}

// packed returns a detail in the form that a status carries, or nil if it cannot be encoded.
func packed(detail proto.Message) *anypb.Any {
	if pack, err := anypb.New(detail); err == nil {
		return pack
	}
	return nil
}

// valid returns text as valid UTF-8, which string fields of messages require.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
