package web

import (
	"strings"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// connectError returns the status of err as the protocols send it, or nil.
func connectError(err error) error {
	if err == nil {
		return nil
	}
	st := status.Convert(err)
	public := connect.NewError(connect.Code(st.Code()), st.Message())
	for _, detail := range st.Proto().GetDetails() {
		name := detail.GetTypeUrl()
		public = public.WithDetail(&connect.ErrorDetail{
			Type: name[strings.LastIndexByte(name, '/')+1:], Value: detail.GetValue(),
		})
	}
	return public
}

// statusOf returns the status of an error of the protocols.
func statusOf(err error) error {
	code := codes.Code(connect.CodeOf(err))
	if code == codes.InvalidArgument { // a compressed message that cannot be decompressed, as in grpc
		code = codes.Internal
	}
	return status.Error(code, strings.TrimPrefix(err.Error(), connect.CodeOf(err).String()+": "))
}

// binaryError returns the status of a binary request that cannot be decoded because of err, or nil:
// that of grpc.
func binaryError(err error) error {
	if err == nil {
		return nil
	}
	return status.Errorf(codes.Internal, "grpc: error unmarshalling request: %v", err)
}

// jsonError returns the status of a request in JSON that cannot be decoded because of err, or nil.
func jsonError(err error) error {
	if err == nil {
		return nil
	}
	return rpcerr.ReasonInvalidRequest.
		Errorf(codes.InvalidArgument, "the request is not valid JSON for its message: %s", reasonOf(err))
}

// reasonOf returns what a decoder says about a request, which is its caller's own.
func reasonOf(err error) string {
	text := strings.TrimPrefix(err.Error(), "proto:")
	return strings.TrimLeft(text, " \u00a0")
}

// maxOrigin is the length in bytes to which responses and the log cut an origin.
const maxOrigin = 128

// errOrigin is the error of a request from a page of an origin that is not allowed.
func errOrigin(origin string) error {
	origin = origin[:min(len(origin), maxOrigin)]
	return reasonOriginNotAllowed.Errorf(codes.PermissionDenied,
		"pages of the origin %q may not call this server", origin)
}

// reasonOriginNotAllowed is the reason of requests from pages of another origin.
const reasonOriginNotAllowed rpcerr.Reason = "ORIGIN_NOT_ALLOWED"
