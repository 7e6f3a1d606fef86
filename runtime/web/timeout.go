package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// takeTimeout returns the timeout in the header that a protocol reads, and removes it: then one
// context serves the protocol and the call. It leaves what the protocol rejects to the protocol.
func takeTimeout(header http.Header, method string) (timeout time.Duration, ok bool) {
	contentType := first(header, "Content-Type")
	name, parse := "Connect-Timeout-Ms", parseMillis
	switch {
	case method == http.MethodGet:
	case !strings.HasPrefix(contentType, "application/"):
		return 0, false
	case strings.HasPrefix(contentType, "application/grpc"):
		name, parse = "Grpc-Timeout", parseGRPC
	}
	if timeout, ok = parse(first(header, name)); ok {
		delete(header, name)
	}
	return timeout, ok
}

// first returns the first value of a header whose name is canonical; or "".
func first(header http.Header, name string) string {
	if values := header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// parseMillis parses a timeout of Connect.
func parseMillis(text string) (time.Duration, bool) {
	return parseUnits(text, 10, time.Millisecond)
}

// parseGRPC parses a timeout of gRPC.
func parseGRPC(text string) (time.Duration, bool) {
	if text == "" {
		return 0, false
	}
	var unit time.Duration
	switch last := len(text) - 1; text[last] {
	case 'n':
		unit = time.Nanosecond
	case 'u':
		unit = time.Microsecond
	case 'm':
		unit = time.Millisecond
	case 'S':
		unit = time.Second
	case 'M':
		unit = time.Minute
	default: // hours may be too many for a duration
		return 0, false
	}
	return parseUnits(text[:len(text)-1], 8, unit)
}

// parseUnits parses a number of units that has at most some digits.
func parseUnits(text string, digits int, unit time.Duration) (time.Duration, bool) {
	if text == "" || len(text) > digits || strings.TrimLeft(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return time.Duration(n) * unit, err == nil
}
