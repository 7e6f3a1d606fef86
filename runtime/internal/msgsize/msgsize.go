// Package msgsize defines the size limits of messages.
package msgsize

import (
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Stock is the size in bytes up to which every server and client with default limits accepts a
// message.
const Stock = 4 << 20

// grpcText occurs in the errors of grpc-go for messages that exceed its limits.
const grpcText = "larger than max"

// Exceeded reports whether a call failed because a message was too large to be sent or received, by
// the reason of the error or by an error of grpc-go itself.
func Exceeded(err error, reasons ...rpcerr.Reason) bool {
	if status.Code(err) != codes.ResourceExhausted {
		return false
	}
	reason := rpcerr.ReasonOf(err)
	return slices.Contains(reasons, reason) || reason == "" && strings.Contains(status.Convert(err).Message(), grpcText)
}
