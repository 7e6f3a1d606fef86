package inprocess

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/requestid"
)

// callOptions are the options of a call that have an effect without a network.
type callOptions struct {
	headers, trailers []*metadata.MD
	peers             []*peer.Peer
	credentials       []credentials.PerRPCCredentials
	finished          []func(error)
}

func (o *callOptions) read(opts []grpc.CallOption) {
	for _, opt := range opts {
		switch opt := opt.(type) {
		case grpc.HeaderCallOption:
			o.headers = append(o.headers, opt.HeaderAddr)
		case grpc.TrailerCallOption:
			o.trailers = append(o.trailers, opt.TrailerAddr)
		case grpc.PeerCallOption:
			o.peers = append(o.peers, opt.PeerAddr)
		case grpc.PerRPCCredsCallOption:
			o.credentials = append(o.credentials, opt.Creds)
		case grpc.OnFinishCallOption:
			o.finished = append(o.finished, opt.OnFinish)
		}
	}
}

// finish calls what waits for the end of the call.
func (o *callOptions) finish(err error) {
	for _, f := range o.finished {
		f(err)
	}
	o.finished = nil
}

// fill sets what the caller asks for, when the call is over.
func (o *callOptions) fill(a *answer) {
	for _, md := range o.headers {
		*md, _ = a.sentHeader()
	}
	for _, md := range o.trailers {
		*md, _, _ = a.ended()
	}
	for _, p := range o.peers {
		*p = *thePeer
	}
}

// outgoing returns the metadata that a caller sends; nil for none. It belongs to the call.
func (o *callOptions) outgoing(ctx context.Context, method string) (metadata.MD, error) {
	md, _ := metadata.FromOutgoingContext(ctx) // a copy
	if err := validate(md); err != nil {
		return nil, err
	}
	dropReserved(md)
	for _, creds := range o.credentials {
		service := method[:max(strings.LastIndexByte(method, '/'), 0)]
		secrets, err := creds.GetRequestMetadata(ctx, "https://"+authority+service)
		if err != nil {
			if st, ok := status.FromError(err); ok {
				return nil, st.Err()
			}
			return nil, status.Errorf(codes.Unauthenticated, "the credentials of the call: %v", err)
		}
		for name, value := range secrets {
			if md == nil {
				md = make(metadata.MD, 3)
			}
			md.Append(name, value)
		}
	}
	return md, nil
}

// complete returns outgoing metadata with what a transport adds, and with a request ID unless it is
// "". It changes md.
func complete(md metadata.MD, requestID string) metadata.MD {
	if md == nil {
		md = make(metadata.MD, 3)
	}
	values := [...]string{authority, contentType, requestID}
	md[authorityKey], md[contentTypeKey] = values[0:1:1], values[1:2:2]
	if requestID != "" {
		md[requestid.Header] = values[2:3:3]
	}
	return md
}

// Headers that a transport sets.
const (
	authorityKey   = ":authority"
	authority      = "inprocess"
	contentTypeKey = "content-type"
	contentType    = "application/grpc"
)

// dropReserved removes what a transport does not pass on.
func dropReserved(md metadata.MD) {
	for name := range md {
		if isReserved(name) {
			delete(md, name)
		}
	}
}

// isReserved reports whether a header is the transport's, which drops it from metadata.
func isReserved(name string) bool {
	switch name {
	case contentTypeKey, "user-agent", "te", "grpc-message-type", "grpc-encoding", "grpc-message",
		"grpc-status", "grpc-timeout":
		return true
	}
	return strings.HasPrefix(name, ":")
}

// validate returns the error of metadata that cannot be sent.
func validate(md metadata.MD) error {
	for name, values := range md {
		if isReserved(name) {
			continue
		}
		if name == "" || strings.ContainsFunc(name, isNoNameChar) {
			return status.Errorf(codes.Internal, "the metadata has the key %q; use the characters 0-9 a-z - _ and .", name)
		}
		if strings.HasSuffix(name, "-bin") {
			continue
		}
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
				return status.Errorf(codes.Internal,
					"the metadata of key %q is not printable ASCII; end the key in -bin for other values", name)
			}
		}
	}
	return nil
}

func isNoNameChar(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}
