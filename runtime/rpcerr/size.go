package rpcerr

import (
	"encoding/base64"
	"slices"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// What an error may take of the 8 KiB of trailers that gRPC for Java, C++ and Python takes by default. A client that is sent
// more does not see the error, but one of its transport. What is left of the 8 KiB is for other trailers.
const (
	// MaxErrorSize is the most that an error takes of the trailers, in bytes as HTTP/2 counts them: the message, and once
	// more the message with the details, in base64.
	MaxErrorSize = 7 << 10
	// MaxErrorMessage is where the message of an error that is larger than [MaxErrorSize] is cut, in bytes as they are sent:
	// three for each that is not printable ASCII.
	MaxErrorMessage = 1 << 10
)

// makeSendable makes p what may be sent, and says whether it had to change something. It takes out DebugInfo, which is for
// the service only, and what cannot be encoded. Where p is larger than [MaxErrorSize] it cuts the message; where that is not
// enough it keeps of the details ErrorInfo, RetryInfo and then the others in their order, each if it fits.
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

// unsendable says whether a detail must not be sent, or would keep the others from being sent.
func unsendable(detail *anypb.Any) bool {
	url := detail.GetTypeUrl()
	return url == "" || !utf8.ValidString(url) || detail.MessageIs((*errdetails.DebugInfo)(nil))
}

// fieldOverhead is what HTTP/2 counts for a header field on top of its name and value, in bytes.
const fieldOverhead = 32

// errorOverhead is what the three trailers of an error take without message and details.
const errorOverhead = len("grpc-status"+"16") + len("grpc-message") + len("grpc-status-details-bin") + 3*fieldOverhead

// trailerSize returns what p takes of the trailers, in bytes.
func trailerSize(p *spb.Status) int {
	size := errorOverhead + messageSize(p.Message)
	if len(p.Details) > 0 {
		size += base64.RawStdEncoding.EncodedLen(proto.Size(p))
	}
	return size
}

// messageSize returns the length of a message as grpc-message has it, in bytes.
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

// cutMessage ends a message that is larger than [MaxErrorMessage] with "...", between two characters.
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

// keepWhatFits leaves p the details that are worth most to a program, in that order, as far as they fit.
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

// rank orders details by what they are worth to a program.
func rank(detail *anypb.Any) int {
	switch {
	case detail.MessageIs((*errdetails.ErrorInfo)(nil)):
		return 0
	case detail.MessageIs((*errdetails.RetryInfo)(nil)):
		return 1
	}
	return 2
}

// detailSize returns what a detail takes of a status message, in bytes.
func detailSize(detail *anypb.Any) int {
	return protowire.SizeTag(3) + protowire.SizeBytes(proto.Size(detail))
}

// shorten returns what of a detail makes sense alone and fits into room bytes, or nil: ErrorInfo without metadata, BadRequest
// with the first violations.
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

// firstViolations leaves bad the violations that fit into room bytes.
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
