package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"google.golang.org/grpc"
)

// streamResult is what an agent receives of a stream.
type streamResult struct {
	Messages []json.RawMessage `json:"messages"`
	// Cut is why the result may lack messages of the stream; "" if the stream ended.
	Cut string `json:"cut,omitempty"`
}

// callStream calls an RPC with a stream of responses, and collects them.
func (t *tool) callStream(ctx context.Context, c *call) (*sdk.CallToolResult, error) {
	req, err := t.decode(c.request.Params.Arguments)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(t.config.maxStreamTime, func() { cancel(errStreamTime) })
	defer timer.Stop()
	stream, err := t.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, t.info.FullMethod)
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(req); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	result := streamResult{Messages: []json.RawMessage{}}
	failure := t.collect(ctx, stream, c, &result)
	data, err := json.Marshal(result)
	switch {
	case err != nil:
		return nil, err
	case failure == nil:
		return jsonResult(data), nil
	case len(result.Messages) == 0:
		return nil, failure
	default:
		failed := errorResult(failure)
		failed.Content = append(failed.Content,
			&sdk.TextContent{Text: "The messages before the error:"}, &sdk.TextContent{Text: string(data)})
		return failed, nil
	}
}

// errStreamTime is why a stream is no longer read.
var errStreamTime = errors.New("the time is over")

// collect receives messages until the stream ends, fails or reaches a limit.
func (t *tool) collect(ctx context.Context, stream grpc.ClientStream, c *call, result *streamResult) error {
	for size := 0; ; {
		resp := t.output.New().Interface()
		switch err := stream.RecvMsg(resp); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && context.Cause(ctx) == errStreamTime:
			result.Cut = fmt.Sprintf("these are the messages of %v; the stream goes on", t.config.maxStreamTime)
			return nil
		case err != nil:
			return err
		}
		data, err := encode(resp)
		if err != nil {
			return err
		}
		if size += len(data) + 1; size > t.config.maxResultBytes {
			result.Cut = fmt.Sprintf("the stream has more, and the next message would exceed the %d bytes of a result",
				t.config.maxResultBytes)
			return nil
		}
		result.Messages = append(result.Messages, data)
		if len(result.Messages) == t.config.maxMessages {
			result.Cut = fmt.Sprintf("these are the first %d messages; the stream may have more", t.config.maxMessages)
			return nil
		}
		c.progress.notify(ctx, fmt.Sprintf("%d messages", len(result.Messages)))
	}
}
