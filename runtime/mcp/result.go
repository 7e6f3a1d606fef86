package mcp

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// statusKey is the key of the status in the metadata of a result, as JSON of google.rpc.Status.
const statusKey = "grpcservice/status"

// jsonResult returns a result with JSON, also as text for agents that do not read structures.
func jsonResult(data json.RawMessage) *sdk.CallToolResult {
	return &sdk.CallToolResult{
		Content:           []sdk.Content{&sdk.TextContent{Text: string(data)}},
		StructuredContent: data,
	}
}

// errorResult returns a result that states why a call failed.
func errorResult(err error) *sdk.CallToolResult {
	st, ok := rpcerr.StatusOf(err)
	if !ok {
		st = rpcerr.PublicStatus(err)
	}
	result := &sdk.CallToolResult{
		IsError: true,
		Content: []sdk.Content{&sdk.TextContent{Text: errorText(st)}},
	}
	if data, err := protojson.Marshal(st.Proto()); err == nil {
		result.Meta = sdk.Meta{statusKey: json.RawMessage(data)}
	}
	return result
}

// errorText describes a status for an agent: its code, message and reason, the fields that are
// wrong, and when to try again.
func errorText(st *status.Status) string {
	err := st.Err()
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s", codeName(st), st.Message())
	if reason := rpcerr.ReasonOf(err); reason != "" {
		fmt.Fprintf(&text, " (reason %s)", reason.Name())
	}
	for _, violation := range rpcerr.FieldViolations(err) {
		fmt.Fprintf(&text, "\n- %s: %s", violation.Field, violation.Description)
	}
	if wait, ok := rpcerr.RetryAfter(err); ok {
		fmt.Fprintf(&text, "\nTry again after %v.", max(wait.Round(time.Millisecond), time.Millisecond))
	}
	return text.String()
}

// codeName returns the name of a code as in protos: "NOT_FOUND".
func codeName(st *status.Status) string {
	return strings.ToUpper(strings.ReplaceAll(rpcerr.CodeWords(st.Code()), " ", "_"))
}

// tooLarge returns the result of a call that succeeded, and whose response is too large.
func tooLarge(bytes, most int, isPage bool) *sdk.CallToolResult {
	text := fmt.Sprintf("The call succeeded, but its response has %d bytes, and a result at most %d. ", bytes, most)
	if isPage {
		text += "Call the tool with a smaller page size."
	} else {
		text += "Ask for less, or do not repeat the call if it changes something."
	}
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: text}}}
}

// jsonFault returns the text of an error of protojson without its prefix.
func jsonFault(err error) string {
	text := strings.TrimPrefix(err.Error(), "proto:")
	return strings.TrimSpace(strings.ReplaceAll(text, "\u00a0", " "))
}
