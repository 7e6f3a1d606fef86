// Package requestid reads, makes and returns the IDs of calls in x-request-id.
package requestid

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Header is the metadata key of the request ID, as HTTP proxies spell it too.
const Header = "x-request-id"

// maxRequestID is the maximum length in bytes of a request ID that is accepted from a caller.
const maxRequestID = 128

// ID is the request ID of a call: the caller's, or 16 random bytes that are formatted only on
// demand.
type ID struct {
	sent string
	made [16]byte
}

// String returns the caller's ID, or 32 hexadecimal digits.
func (id ID) String() string {
	if id.sent != "" {
		return id.sent
	}
	return hex.EncodeToString(id.made[:])
}

// Incoming returns the caller's ID from ctx, or a new one if ctx has none that is safe to log and
// forward.
func Incoming(ctx context.Context) (id ID) {
	if sent := metadata.ValueFromIncomingContext(ctx, Header); len(sent) == 1 && validRequestID(sent[0]) {
		id.sent = sent[0]
		return id
	}
	return New()
}

// New returns a new id.
func New() (id ID) {
	rand.Read(id.made[:]) // never fails: see crypto/rand
	return id
}

// validRequestID reports whether an ID is safe for logs and headers.
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

// Echo returns the ID to the caller in the trailer: a header before an error would end grpc's own
// retries of the call (gRFC A6, "trailers-only").
func (id ID) Echo(ctx context.Context) {
	stream := grpc.ServerTransportStreamFromContext(ctx)
	if stream == nil { // the handler was called without a transport
		return
	}
	// It fails only after the trailer is sent, which is not before the handler has returned.
	_ = stream.SetTrailer(metadata.MD{Header: []string{id.String()}})
}
