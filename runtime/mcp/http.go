package mcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// bodyTimeout is how long an agent may take to send a request.
const bodyTimeout = 30 * time.Second

// handler serves HTTP requests whose body has been read.
type handler = http.Handler

// newHandler returns the SDK's handler. It has no sessions: each request is served by itself.
func (t *Tools) newHandler() handler {
	return sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return t.sdk }, &sdk.StreamableHTTPOptions{
		Stateless: true, PropagateRequestCancellation: true, MaxRequestBodyBytes: t.config.maxRequestBytes,
	})
}

// request is what calls have of their HTTP request, or of their transport.
type request struct {
	done     context.Context // of the HTTP request, or of [Tools.Serve]
	peer     *peer.Peer      // nil without a network
	metadata metadata.MD
}

type requestKey struct{}

// peerOf returns the peer of a call; nil without a network.
func peerOf(ctx context.Context) *peer.Peer {
	if of, ok := ctx.Value(requestKey{}).(*request); ok {
		return of.peer
	}
	return nil
}

// ServeHTTP implements [http.Handler]: streamable HTTP, on any path. It rejects web pages of other
// origins than those of [WithOrigins], and requests that are too large, too deep or too many. Serve
// it with timeouts for headers and idle connections, and without those for reading and writing, which
// would cut streams; [Serve] does that.
func (t *Tools) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !t.allowOrigin(w, r) {
		return
	}
	if r.Method == http.MethodOptions {
		t.preflight(w, r)
		return
	}
	leave, ok := t.busy.enter(r.RemoteAddr, t.config.maxRequests)
	if !ok {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many requests at a time; try again later", http.StatusServiceUnavailable)
		return
	}
	defer leave()
	body, ok := t.read(w, r)
	if !ok {
		return
	}
	of := &request{done: r.Context(), peer: peerOfRequest(r)}
	var err error
	if of.metadata, err = t.metadataOf(r.Header); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, of))
	r.Body = io.NopCloser(bytes.NewReader(body))
	t.handler.ServeHTTP(w, r)
}

// read reads the body of a request within [bodyTimeout], so that a slow one holds no place for long.
func (t *Tools) read(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	conn := http.NewResponseController(w)
	// A writer without deadlines, as in tests, has none.
	_ = conn.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, t.config.maxRequestBytes))
	_ = conn.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, fmt.Sprintf("the request has more than %d bytes", large.Limit), http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, "the request could not be read", http.StatusBadRequest)
	default:
		if err = checkDepth(body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}
	return body, err == nil
}

// metadataOf returns the metadata of the calls of a request.
func (t *Tools) metadataOf(header http.Header) (metadata.MD, error) {
	md := make(metadata.MD, len(t.config.headers))
	for _, name := range t.config.headers {
		for _, value := range header.Values(name) {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				return nil, fmt.Errorf("the header %s is not printable ASCII", name)
			}
			md.Append(name, value)
		}
	}
	return md, nil
}

// peerOfRequest returns the peer of a request, so that rates count for the address of the agent.
func peerOfRequest(r *http.Request) *peer.Peer {
	p := &peer.Peer{}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		p.Addr = net.TCPAddrFromAddrPort(addr)
	} else {
		p.Addr = &net.UnixAddr{Name: r.RemoteAddr, Net: "unix"}
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		p.LocalAddr = local
	}
	if r.TLS != nil {
		p.AuthInfo = credentials.TLSInfo{
			State:          *r.TLS,
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	}
	return p
}

// allowOrigin rejects requests of web pages, except for those of [WithOrigins].
func (t *Tools) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	if len(origins) > 1 || !slices.Contains(t.config.origins, origins[0]) {
		http.Error(w, "the origin of the web page is not allowed", http.StatusForbidden)
		return false
	}
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", origins[0])
	header.Add("Vary", "Origin")
	return true
}

// preflight answers what a browser asks before it sends a request.
func (t *Tools) preflight(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	if r.Header.Get("Origin") == "" {
		header.Set("Allow", "POST")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	header.Set("Access-Control-Allow-Methods", "POST")
	header.Set("Access-Control-Allow-Headers",
		strings.Join(append([]string{"content-type", "accept", "mcp-protocol-version", "mcp-method", "mcp-name"}, t.config.headers...), ", "))
	header.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
}

// busy counts the requests that are served.
type busy struct {
	mu     sync.Mutex
	all    int
	byPeer map[string]int
}

// enter counts a request until leave, unless there are too many.
func (b *busy) enter(remote string, most int) (leave func(), ok bool) {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all >= most || b.byPeer[host] >= (most+1)/2 {
		return nil, false
	}
	if b.byPeer == nil {
		b.byPeer = make(map[string]int)
	}
	b.all++
	b.byPeer[host]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.all--
		if b.byPeer[host]--; b.byPeer[host] == 0 {
			delete(b.byPeer, host)
		}
	}, true
}
