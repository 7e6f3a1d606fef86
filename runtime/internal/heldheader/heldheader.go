// Package heldheader holds the header of a call back until its first response.
package heldheader

import (
	"encoding/base64"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Header is the response header that a method has set. It is held until the first response or the
// success of the call: grpc sends a header before the status of a failed call, and clients do not
// retry a call whose response has started (gRFC A6).
//
// The lock is held while a header is passed on, so that a SendHeader of another goroutine cannot
// overtake a header that was set before.
type Header struct {
	mu       sync.Mutex
	md       metadata.MD
	released bool // the first response is sent, or the header
	failed   bool // the call has failed before that
}

// errOver is the error of SetHeader after the call has failed. grpc may not have sent the status
// yet, and would send a header before it.
var errOver = status.Error(codes.Internal, "the call has failed; its header cannot be changed")

// errSent is the error of SendHeader after the header is released. grpc may be sending it with the
// first response, which would fail if the header was sent in the meantime.
var errSent = status.Error(codes.Internal, "the header of the call is sent already")

// Set holds md, or passes it on if the header is released.
func (h *Header) Set(md metadata.MD, pass func(metadata.MD) error) error {
	if err := check(md); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.failed:
		return errOver
	case h.released:
		return pass(md)
	}
	h.md = metadata.Join(h.md, md)
	return nil
}

// Release passes on the held header, if any, and from then on everything that is set.
func (h *Header) Release(pass func(metadata.MD) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	md := h.md
	h.md, h.released = nil, true
	if len(md) == 0 {
		return nil
	}
	return pass(md)
}

// End returns the held header at the end of the call.
func (h *Header) End(failed bool) metadata.MD {
	h.mu.Lock()
	defer h.mu.Unlock()
	md := h.md
	h.md, h.released, h.failed = nil, true, failed && !h.released
	return md
}

// Send sends the held header and md.
func (h *Header) Send(md metadata.MD, send func(metadata.MD) error) error {
	if err := check(md); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released {
		return errSent
	}
	md = metadata.Join(h.md, md)
	h.md, h.released = nil, true
	return send(md)
}

// fieldOverhead is the size in bytes that HTTP/2 adds to the name and value of a header field.
const fieldOverhead = 32

// Size returns the size of md among the headers of HTTP/2, in bytes.
func Size(md metadata.MD) (size int) {
	for key, values := range md {
		for _, value := range values {
			if strings.HasSuffix(key, "-bin") {
				size += base64.RawStdEncoding.EncodedLen(len(value))
			} else {
				size += len(value)
			}
			size += len(key) + fieldOverhead
		}
	}
	return size
}

// check returns the error that [grpc.ServerStream] returns for metadata that HTTP/2 cannot carry.
// Otherwise the first response would return it.
func check(md metadata.MD) error {
	for key, values := range md {
		if strings.HasPrefix(key, ":") {
			continue // grpc ignores it
		}
		if key == "" || strings.ContainsFunc(key, notInKeys) {
			return status.Errorf(codes.Internal, "header key %q is not made of [0-9a-z-_.]", key)
		}
		if strings.HasSuffix(key, "-bin") {
			continue
		}
		for _, value := range values {
			if strings.ContainsFunc(value, notPrintable) {
				return status.Errorf(codes.Internal,
					"the value of header key %q has bytes that are not printable ASCII; "+
						"use a key that ends in -bin", key)
			}
		}
	}
	return nil
}

func notInKeys(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }
