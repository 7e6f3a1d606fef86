package main

import (
	"context"
	"crypto/rand"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	gateway "github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	gatewayv1 "github.com/grpcservice/grpcservice/examples/rest/gen/gateway/library/v1"
	libraryv1 "github.com/grpcservice/grpcservice/examples/rest/gen/library/v1"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

const (
	maxBody     = 4 << 20          // as for gRPC
	bodyTimeout = 30 * time.Second // for the whole body of a request
	sendTimeout = time.Minute      // for one message of a response
)

// newREST returns a handler of the services of srv, with the paths of their google.api.http.
func newREST(ctx context.Context, srv *server.Server) (http.Handler, error) {
	mux := gateway.NewServeMux(
		gateway.WithIncomingHeaderMatcher(toMetadata),
		gateway.WithOutgoingHeaderMatcher(toHeader),
		gateway.WithErrorHandler(writeError),
		// A browser sends forms to other origins without asking them.
		gateway.WithDisablePathLengthFallback(),
		gateway.WithDisableHTTPMethodOverride(),
	)
	conn := srv.Conn(server.WithPeer(peerOf))
	books := libraryv1.NewBookServiceClient(conn)
	if err := gatewayv1.RegisterBookServiceHandlerClient(ctx, mux, books); err != nil {
		return nil, err
	}
	return bounded(identified(http.NewCrossOriginProtection().Handler(mux))), nil
}

// toMetadata returns the metadata of a request header. The gateway passes on authorization itself.
func toMetadata(header string) (key string, ok bool) {
	switch key = strings.ToLower(header); key {
	case "x-request-id", "traceparent", "tracestate":
		return key, true
	}
	return "", false
}

// toHeader returns the response header of metadata that a method has set.
func toHeader(key string) (header string, ok bool) { return key, strings.HasPrefix(key, "x-") }

// writeError writes an error as the gateway does, and when to try again.
func writeError(
	ctx context.Context, mux *gateway.ServeMux, m gateway.Marshaler, w http.ResponseWriter, r *http.Request, err error,
) {
	if wait, ok := rpcerr.RetryAfter(err); ok {
		w.Header().Set("Retry-After", strconv.FormatFloat(math.Ceil(wait.Seconds()), 'f', 0, 64))
	}
	if rpcerr.ReasonOf(err) == rpcerr.ReasonRequestTooLarge {
		err = &gateway.HTTPStatusError{HTTPStatus: http.StatusRequestEntityTooLarge, Err: err}
	}
	gateway.DefaultHTTPErrorHandler(ctx, mux, m, w, r, err)
}

// requestKey is the key of the HTTP request in the context of a call.
type requestKey struct{}

// peerOf returns the peer of a call, for rates, bounds, the log, and callers by certificate.
func peerOf(ctx context.Context) *peer.Peer {
	r, _ := ctx.Value(requestKey{}).(*http.Request)
	if r == nil {
		return nil
	}
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return nil
	}
	p := &peer.Peer{Addr: net.TCPAddrFromAddrPort(addr)}
	if r.TLS != nil {
		p.AuthInfo = credentials.TLSInfo{
			State:          *r.TLS,
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	}
	return p
}

// identified gives each request an ID, which the response, the log and the call have.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if id == "" || len(id) > 128 || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
			id = rand.Text()
		}
		r.Header.Set("X-Request-Id", id)
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, r)))
	})
}
