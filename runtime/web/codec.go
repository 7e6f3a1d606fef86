package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// codec is one of connect's, also for messages of the first version of the API. It decodes requests
// itself: where connect has one in memory, its own codecs would copy it first.
type codec struct {
	connect.StableCodec
	json         bool
	uncompressed *uncompressed
}

// newCodecs returns the codecs of binary messages and of JSON. Like a binary message, one in JSON
// may have fields that the server does not know.
func (h *Handler) newCodecs() []connect.Codec {
	return []connect.Codec{
		&codec{connectproto.NewBinaryCodec(), false, h.uncompressed},
		&codec{connectproto.NewJSONCodec(), true, h.uncompressed},
	}
}

// MarshalWrite implements [connect.Codec].
func (c *codec) MarshalWrite(ctx context.Context, dst io.Writer, msg any) error {
	m, err := messageOf(msg)
	if err != nil {
		return err
	}
	if err := c.StableCodec.MarshalWrite(ctx, dst, m); err != nil {
		return err
	}
	if call := callIn(ctx); call != nil && call.plain.Load() {
		if encoded, ok := dst.(*bytes.Buffer); ok {
			call.marked = c.uncompressed.mark(encoded.Bytes())
		}
	}
	return nil
}

// UnmarshalRead implements [connect.Codec].
func (c *codec) UnmarshalRead(_ context.Context, src io.Reader, msg any) error {
	m, err := messageOf(msg)
	if err != nil {
		return err
	}
	data, err := encodedIn(src)
	if err != nil {
		return err
	}
	switch {
	case !c.json:
		err = proto.Unmarshal(data, m)
	case len(data) == 0:
		err = errors.New("it is empty")
	default:
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, m)
	}
	if err != nil {
		return &decodeError{c.json, err}
	}
	return nil
}

// encodedIn returns what src has: connect passes messages that it has read.
func encodedIn(src io.Reader) ([]byte, error) {
	if message, ok := src.(*bytes.Buffer); ok {
		return message.Bytes(), nil
	}
	return io.ReadAll(src)
}

func messageOf(msg any) (proto.Message, error) {
	switch m := msg.(type) {
	case proto.Message:
		return m, nil
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(m), nil
	}
	return nil, fmt.Errorf("a message of type %T is no proto message", msg)
}
