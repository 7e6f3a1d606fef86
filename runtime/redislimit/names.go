package redislimit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

const (
	// maxMethodName is the length of a method's name from which keys have its hash instead.
	maxMethodName = 128
	// hashBytes is how much of the hash of a caller is in keys.
	hashBytes = 16
	// others stands for callers that are not distinguished.
	others = "*"
)

// names are the keys of a method's rates in Redis. The name of the method is in braces, so that a
// cluster keeps all keys of a call on one server.
//
//	ratelimit:{shop.v1.OrderService/Create}:m0
//	ratelimit:{shop.v1.OrderService/Create}:p0:V1StGXR8_Z5jdHi6B-myTw
type names struct {
	salt  *[sha256.Size]byte
	rates []string
	// perCaller is whether the key of a rate ends with the hash of the caller.
	perCaller []bool
	hashes    bool // of at least one rate
	probe     string
}

// newNames returns the names of rates. A rate is identified by its key and its position among those
// with the same key, but not by its numbers: a rate that changes keeps what callers have used up.
func newNames(s *settings, info runtime.MethodInfo, rates []runtime.Rate) names {
	method := strings.TrimPrefix(info.FullMethod, "/")
	if len(method) > maxMethodName || strings.ContainsAny(method, "{}") {
		sum := sha256.Sum256([]byte(method))
		method = hex.EncodeToString(sum[:hashBytes])
	}
	prefix := s.namespace + ":{" + method + "}:"
	n := names{salt: &s.salt, probe: prefix + "probe"}
	positions := make(map[policy.Key]int)
	for _, rate := range rates {
		n.rates = append(n.rates, fmt.Sprintf("%s%c%d", prefix, letter(rate.Key), positions[rate.Key]))
		n.perCaller = append(n.perCaller, rate.Key != runtime.ByMethod)
		n.hashes = n.hashes || rate.Key != runtime.ByMethod
		positions[rate.Key]++
	}
	return n
}

// letter returns what stands for a key of rates in names.
func letter(key policy.Key) byte {
	switch key {
	case runtime.ByPrincipal:
		return 'p'
	case runtime.ByPeer:
		return 'a' // address
	default:
		return 'm'
	}
}

// keys returns the keys of a call. distinguished reports whether the caller has its own key of a
// rate.
func (n *names) keys(caller string, distinguished func(rate int) bool) []string {
	var hash string
	if n.hashes {
		hash = n.hash(caller)
	}
	keys := make([]string, len(n.rates))
	for i, name := range n.rates {
		switch {
		case !n.perCaller[i]:
			keys[i] = name
		case distinguished(i):
			keys[i] = name + ":" + hash
		default:
			keys[i] = name + ":" + others
		}
	}
	return keys
}

// hash returns the hash of a caller.
func (n *names) hash(caller string) string {
	var buf [256]byte
	sum := sha256.Sum256(append(append(buf[:0], n.salt[:]...), caller...))
	return base64.RawURLEncoding.EncodeToString(sum[:hashBytes])
}
