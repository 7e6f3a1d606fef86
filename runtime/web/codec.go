package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// codec is one of connect's, also for messages of the first version of the API. It passes requests on
// as they are, to be decoded later.
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

// UnmarshalRead implements [connect.Codec]. msg is an [*encoded].
func (c *codec) UnmarshalRead(_ context.Context, src io.Reader, msg any) error {
	e, ok := msg.(*encoded)
	if !ok {
		return fmt.Errorf("a request is received into a %T", msg)
	}
	e.codec = c
	if message, ok := src.(*bytes.Buffer); ok { // which connect uses again
		e.data, *message = *message, e.data
		return nil
	}
	_, err := e.data.ReadFrom(src)
	return err
}

// encoded is a request as it was received. Connect's goroutine is deep in its stack when it has one,
// and to decode JSON there would grow the stack in many calls.
type encoded struct {
	codec *codec // nil for a message without bytes
	data  bytes.Buffer
}

// decode decodes the request into msg. It returns the status that the caller receives.
func (e *encoded) decode(msg any) error {
	if e.codec == nil {
		return nil
	}
	m, err := messageOf(msg)
	if err != nil {
		return err
	}
	if !e.codec.json {
		return binaryError(proto.Unmarshal(e.data.Bytes(), m))
	}
	if e.data.Len() == 0 {
		return jsonError(errors.New("it is empty"))
	}
	return jsonError(protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(e.data.Bytes(), m))
}

// encodedPool has values to receive requests into.
type encodedPool struct{ pool sync.Pool }

func (p *encodedPool) get() *encoded {
	if e, ok := p.pool.Get().(*encoded); ok {
		return e
	}
	return new(encoded)
}

// maxKept is the size in bytes of the largest buffer that is used again: that of connect.
const maxKept = 8 << 20

func (p *encodedPool) put(e *encoded) {
	if e.data.Cap() <= maxKept {
		e.codec = nil
		e.data.Reset()
		p.pool.Put(e)
	}
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
