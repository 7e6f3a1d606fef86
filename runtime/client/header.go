package client

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// responseHeader receives, for a stream, the metadata of call options that is known before the
// stream's end. grpc writes to call options when a call ends, in whatever goroutine ends it.
// Therefore grpc writes here, and the goroutine that ranges over the stream writes to the
// caller's variables.
type responseHeader struct {
	header  metadata.MD
	peer    peer.Peer
	headers []*metadata.MD
	peers   []*peer.Peer
}

// responseHeaderOf returns the places that options need, or nil if none, and the options to call
// with.
func responseHeaderOf(options []grpc.CallOption) (*responseHeader, []grpc.CallOption) {
	for i, option := range options {
		switch option.(type) {
		case grpc.HeaderCallOption, grpc.PeerCallOption:
			r := new(responseHeader)
			return r, r.collect(options, i)
		}
	}
	return nil, options
}

// collect records the places that options need, the first of them at i, and returns the options
// for grpc.
func (r *responseHeader) collect(options []grpc.CallOption, i int) []grpc.CallOption {
	others := append(make([]grpc.CallOption, 0, len(options)+2), options[:i]...)
	for _, option := range options[i:] {
		switch option := option.(type) {
		case grpc.HeaderCallOption:
			r.headers = append(r.headers, option.HeaderAddr)
		case grpc.PeerCallOption:
			r.peers = append(r.peers, option.PeerAddr)
		default:
			others = append(others, option)
		}
	}
	return append(others, grpc.Header(&r.header), grpc.Peer(&r.peer))
}

// arrive waits for the header of c and sets the caller's variables.
func (r *responseHeader) arrive(c grpc.ClientStream) {
	if r == nil {
		return
	}
	header, err := c.Header()
	if err != nil || header == nil {
		return // the call has failed, which receiving reports
	}
	from, _ := peer.FromContext(c.Context())
	r.fill(header, from)
}

// end sets the caller's variables when the call has ended.
func (r *responseHeader) end() {
	if r != nil {
		r.fill(r.header, &r.peer)
	}
}

func (r *responseHeader) fill(header metadata.MD, from *peer.Peer) {
	for _, to := range r.headers {
		*to = header.Copy()
	}
	for _, to := range r.peers {
		if from != nil && from.Addr != nil {
			*to = *from
		}
	}
}
