package operation

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// packBytes returns a message as an encoded Any with its type, even if it is empty.
func packBytes(m proto.Message) ([]byte, error) {
	packed, err := anypb.New(m)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(packed)
}

// unpackAny decodes an Any; nil for none.
func unpackAny(encoded []byte) (*anypb.Any, error) {
	if len(encoded) == 0 {
		return nil, nil
	}
	packed := &anypb.Any{}
	return packed, proto.Unmarshal(encoded, packed)
}

// statusBytes returns the encoded public status of err.
func statusBytes(err error) []byte {
	encoded, marshalErr := proto.Marshal(rpcerr.PublicStatus(err).Proto())
	if marshalErr != nil { // its texts are UTF-8, and its details were encoded
		return statusBytes(errors.New("a status that cannot be encoded"))
	}
	return encoded
}

// shortStatusBytes is statusBytes within [ReservedStatusBytes]: the code, the reason, and the
// beginning of the message.
func shortStatusBytes(err error) []byte {
	full := rpcerr.PublicStatus(err).Proto()
	short := &spb.Status{Code: full.GetCode(), Message: cut(full.GetMessage(), ReservedStatusBytes/4)}
	if info, ok := rpcerr.Detail[*errdetails.ErrorInfo](err); ok && len(info.GetReason())+len(info.GetDomain()) < ReservedStatusBytes/4 {
		if detail, err := anypb.New(&errdetails.ErrorInfo{Reason: info.GetReason(), Domain: info.GetDomain()}); err == nil {
			short.Details = []*anypb.Any{detail}
		}
	}
	encoded, marshalErr := proto.Marshal(short)
	if marshalErr != nil {
		return shortStatusBytes(errors.New("a status that cannot be encoded"))
	}
	return encoded
}

// cut cuts a text after at most the given number of bytes, between two characters.
func cut(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	if bytes == 0 {
		return ""
	}
	for bytes > 0 && !utf8.RuneStart(text[bytes]) {
		bytes--
	}
	return text[:bytes] + "…"
}

// State is the part of an operation that messages show.
type State struct {
	Name     string
	Metadata *anypb.Any
	Done     bool
	// One of them is set if the operation is done.
	Response *anypb.Any
	Status   *spb.Status
}

// State returns the part of the operation that messages show. Its metadata has the operation's
// times and cancellation in the customary fields, if it has these fields, the work has not set
// them, and the type is linked in.
func (r *Record) State() (*State, error) {
	s := &State{Name: r.Name, Done: r.Done()}
	var errs [3]error
	s.Metadata, errs[0] = unpackAny(r.Metadata)
	s.Response, errs[1] = unpackAny(r.Response)
	if len(r.Status) > 0 {
		s.Status = &spb.Status{}
		errs[2] = proto.Unmarshal(r.Status, s.Status)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("the record cannot be read: %w", err)
	}
	s.Metadata = withTimes(s.Metadata, r)
	return s, nil
}
