package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// requestIDHeader is the metadata key of the request id, as HTTP proxies spell it too.
const requestIDHeader = "x-request-id"

// maxRequestID is the longest request id that is taken from a caller, in bytes.
const maxRequestID = 128

// requestID is the id of one call: the caller's, or 16 random bytes that become text only when somebody asks.
type requestID struct {
	sent string
	made [16]byte
}

// String returns the caller's id, or 32 hexadecimal digits.
func (id requestID) String() string {
	if id.sent != "" {
		return id.sent
	}
	return hex.EncodeToString(id.made[:])
}

// incomingRequestID takes the caller's id from ctx, or makes one where there is none that may be logged and sent on.
func incomingRequestID(ctx context.Context) (id requestID) {
	if sent := metadata.ValueFromIncomingContext(ctx, requestIDHeader); len(sent) == 1 && validRequestID(sent[0]) {
		id.sent = sent[0]
		return id
	}
	return newRequestID()
}

// newRequestID returns a new id.
func newRequestID() (id requestID) {
	rand.Read(id.made[:]) // never fails: see crypto/rand
	return id
}

// validRequestID keeps what a caller could smuggle into logs and headers out of them.
func validRequestID(s string) bool {
	if s == "" || len(s) > maxRequestID {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Echo sends the id back in the trailer: a header before an error would end grpc's own retries of the call (gRFC A6,
// "trailers-only").
func (id requestID) Echo(ctx context.Context) {
	stream := grpc.ServerTransportStreamFromContext(ctx)
	if stream == nil { // the handler was called without a transport
		return
	}
	// It fails only when the trailer is out, which it is not before the handler has returned.
	_ = stream.SetTrailer(metadata.MD{requestIDHeader: []string{id.String()}})
}
