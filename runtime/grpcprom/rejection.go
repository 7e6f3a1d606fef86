package grpcprom

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// rejections counts the rejected calls of a method. The map is replaced as a whole, so that
// counting takes no lock.
type rejections struct {
	mu     sync.Mutex // for adding
	counts atomic.Pointer[map[rejection]*atomic.Uint64]
}

// rejection is why calls are rejected.
type rejection struct{ step, reason string }

// maxRejections is the number of rejections of a method from which further reasons are counted as
// other. The runtime's own are fewer.
const maxRejections = 64

// of returns the counter of calls that a step rejects with an error.
func (r *rejections) of(step string, err error) *atomic.Uint64 {
	key := rejection{step, reasonOf(err)}
	if counts := r.counts.Load(); counts != nil {
		if counter, ok := (*counts)[key]; ok {
			return counter
		}
	}
	return r.add(key)
}

// reasonOf returns the reason of an error: only those of the runtime, which are listed in
// docs/errors.md, are values of a label.
func reasonOf(err error) string {
	reason := rpcerr.ReasonOf(err)
	if reason != "" && reason.Domain() != rpcerr.ErrorDomain {
		return other
	}
	return strings.ToValidUTF8(reason.Name(), "\uFFFD")
}

// add adds a counter.
func (r *rejections) add(key rejection) *atomic.Uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := map[rejection]*atomic.Uint64{}
	if now := r.counts.Load(); now != nil {
		counts = maps.Clone(*now)
	}
	if _, ok := counts[key]; !ok && len(counts) >= maxRejections {
		key = rejection{other, other}
	}
	counter, ok := counts[key]
	if !ok {
		counter = new(atomic.Uint64)
		counts[key] = counter
		r.counts.Store(&counts)
	}
	return counter
}
