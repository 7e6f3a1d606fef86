package web

import (
	"net/http"
	"strings"
	"sync"
)

// use is what reads a header of a request.
type use uint8

const (
	ofMethod      use = iota
	ofProtocol        // and not the method
	ofBoth            // the method and the protocol
	ofCompression     // the protocol, if the server compresses for clients that accept it
	ofConnection      // neither
)

// useOf returns what reads a header, and the name that the method sees. The cases of the switch are
// the headers that clients, browsers and proxies send; the others cost an allocation.
func useOf(header string) (name string, of use) {
	switch header {
	case "Content-Type":
		return "content-type", ofBoth
	case "Content-Encoding", "Grpc-Encoding", "Connect-Content-Encoding",
		"Grpc-Timeout", "Connect-Timeout-Ms", "Connect-Protocol-Version":
		return "", ofProtocol
	case "Accept-Encoding", "Grpc-Accept-Encoding", "Connect-Accept-Encoding":
		return "", ofCompression
	case "Content-Length", "Te", "Connection":
		return "", ofConnection
	case "Accept":
		return "accept", ofMethod
	case "Accept-Language":
		return "accept-language", ofMethod
	case "Authorization":
		return "authorization", ofMethod
	case "Cache-Control":
		return "cache-control", ofMethod
	case "Cookie":
		return "cookie", ofMethod
	case "Origin":
		return "origin", ofMethod
	case "Referer":
		return "referer", ofMethod
	case "Sec-Fetch-Dest":
		return "sec-fetch-dest", ofMethod
	case "Sec-Fetch-Mode":
		return "sec-fetch-mode", ofMethod
	case "Sec-Fetch-Site":
		return "sec-fetch-site", ofMethod
	case "Traceparent":
		return "traceparent", ofMethod
	case "Tracestate":
		return "tracestate", ofMethod
	case "User-Agent":
		return "user-agent", ofMethod
	case "X-Forwarded-For":
		return "x-forwarded-for", ofMethod
	case "X-Forwarded-Proto":
		return "x-forwarded-proto", ofMethod
	case "X-Request-Id":
		return "x-request-id", ofMethod
	case "X-User-Agent":
		return "x-user-agent", ofMethod
	}
	if name = strings.ToLower(header); isHop(name) {
		return "", ofConnection
	}
	return name, ofMethod
}

// headerPool has headers that protocols read, which are used again.
type headerPool struct{ pool sync.Pool }

func (p *headerPool) get() http.Header {
	if header, ok := p.pool.Get().(http.Header); ok {
		return header
	}
	return make(http.Header)
}

func (p *headerPool) put(header http.Header) {
	clear(header)
	p.pool.Put(header)
}
