package web

import (
	"net/http"
	"strings"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// splitHeader separates the headers of a request: it returns those that the protocol reads, which
// alone the protocol then copies, and sets the metadata of the call. It uses the map of the request
// for the metadata, unless others see the request: on an HTTP server of the user.
func (c *call) splitHeader(r *http.Request) (protocol http.Header) {
	type entry struct {
		name   string
		values []string
	}
	entries := make([]entry, 0, 16)
	protocol = c.handler.headers.get()
	compressed := c.handler.offersCompression()
	for header, values := range r.Header {
		name, of := useOf(header)
		if of == ofProtocol || of == ofBoth || of == ofCompression && compressed {
			protocol[header] = values
		}
		if of == ofMethod && strings.HasSuffix(name, "-bin") {
			values = c.decode(name, values)
		}
		if of == ofMethod || of == ofBoth {
			entries = append(entries, entry{name, values})
		}
	}
	if c.conn != nil {
		c.md = metadata.MD(r.Header)
		clear(c.md)
	} else {
		c.md = make(metadata.MD, len(entries)+1)
	}
	c.host[0] = r.Host
	c.md[":authority"] = c.host[:]
	for _, e := range entries {
		c.md[e.name] = e.values
	}
	return protocol
}

// decode decodes the values of a header in "-bin".
func (c *call) decode(name string, values []string) []string {
	decoded, err := decodeAll(values)
	if err != nil {
		c.malformed = status.Errorf(codes.Internal,
			"the header %q is not in base64: %v", name, err)
	}
	return decoded
}

// decodeAll decodes the values of a header in "-bin". One header may have several, with commas.
func decodeAll(values []string) (decoded []string, err error) {
	for _, list := range values {
		for value := range strings.SplitSeq(list, ",") {
			data, err := connect.DecodeBinaryHeader(strings.TrimSpace(value))
			if err != nil {
				return nil, err
			}
			decoded = append(decoded, string(data))
		}
	}
	return decoded, nil
}

// isHop reports whether a header of a request concerns the connection or the protocol, and not the
// method.
func isHop(name string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "trailer",
		"host", "content-length", "content-encoding", "accept-encoding", "expect",
		"grpc-timeout", "grpc-encoding", "grpc-accept-encoding",
		"connect-timeout-ms", "connect-protocol-version", "connect-content-encoding", "connect-accept-encoding":
		return true
	}
	return false
}

// copyMetadata adds metadata of a method to a header or trailer, except for what the protocols set.
func copyMetadata(to *connect.Header, md metadata.MD) {
	for name, values := range md {
		if isReserved(name) {
			continue
		}
		for _, value := range values {
			if strings.HasSuffix(name, "-bin") {
				value = connect.EncodeBinaryHeader([]byte(value))
			}
			to.Add(name, value)
		}
	}
}

// isReserved reports whether a name in the metadata of a response is the transport's.
func isReserved(name string) bool {
	switch name {
	case "content-type", "user-agent", "grpc-message-type", "grpc-message", "grpc-status",
		"grpc-status-details-bin", "date", "server":
		return true
	}
	return isHop(name) || strings.HasPrefix(name, ":") || strings.HasPrefix(name, "access-control-")
}

// checkMetadata returns the error of metadata that cannot be sent.
func checkMetadata(md metadata.MD) error {
	for name, values := range md {
		if name == "" || strings.ContainsFunc(name, isNoNameChar) && !strings.HasPrefix(name, ":") {
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
