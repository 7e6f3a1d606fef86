// Package msgsize knows what sizes messages may have on their way.
package msgsize

import (
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Stock is how many bytes a message may have for every server and client to take it that was not told otherwise.
const Stock = 4 << 20

// grpcText is in the message of the errors that grpc-go makes of messages that are larger than its limits.
const grpcText = "larger than max"

// Exceeded reports whether a call failed because a message was too large to be sent or received: by one of the reasons, or
// by an error of grpc-go itself.
func Exceeded(err error, reasons ...rpcerr.Reason) bool {
	if status.Code(err) != codes.ResourceExhausted {
		return false
	}
	reason := rpcerr.ReasonOf(err)
	return slices.Contains(reasons, reason) || reason == "" && strings.Contains(status.Convert(err).Message(), grpcText)
}
