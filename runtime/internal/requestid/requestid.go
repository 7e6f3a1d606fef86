// Package requestid reads, makes and returns the IDs of calls in x-request-id.
package requestid

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/incoming"
)

// Header is the metadata key of the request ID, as HTTP proxies spell it too.
const Header = "x-request-id"

// maxRequestID is the maximum length in bytes of a request ID that is accepted from a caller.
const maxRequestID = 128

// ID is the request ID of a call, which is read or made when it is first needed. It may be used
// concurrently.
type ID struct {
	mu   sync.Mutex
	text string // "" until it is needed
}

// In returns the ID of the call that ctx belongs to: the caller's, or a new one if ctx has none that
// is safe to log and forward. Later calls return the same.
func (id *ID) In(ctx context.Context) string {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.text == "" {
		id.text = of(ctx)
	}
	return id.text
}

func of(ctx context.Context) string {
	if sent := incoming.Values(ctx, Header); len(sent) == 1 && validRequestID(sent[0]) {
		return sent[0]
	}
	return New()
}

// New returns a new ID: 32 hexadecimal digits. IDs are random, so that none is made twice, but not
// secret.
func New() string {
	var made [16]byte
	binary.LittleEndian.PutUint64(made[:], rand.Uint64())
	binary.LittleEndian.PutUint64(made[8:], rand.Uint64())
	var text [2 * len(made)]byte
	hex.Encode(text[:], made[:])
	return string(text[:])
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
func (id *ID) Echo(ctx context.Context) {
	stream := grpc.ServerTransportStreamFromContext(ctx)
	if stream == nil { // the handler was called without a transport
		return
	}
	// It fails only after the trailer is sent, which is not before the handler has returned.
	_ = stream.SetTrailer(metadata.MD{Header: []string{id.In(ctx)}})
}
