package operation

import (
	"fmt"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Failed records in the metadata's map of failed requests that the item at an index failed
// (AIP-233); a nil err removes it. [Run.Save] and the end of the operation store the map. Callers
// see the status that the caller of a method that returns err would receive. Do not record
// failures that will be retried. If the metadata would be larger than can be sent, the statuses
// are reduced to their codes and the beginnings of their messages.
func (r *Run[Req, Metadata]) Failed(index int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failed) == 0 {
		r.fault = fmt.Errorf("Run.Failed: %s has no map<int32, google.rpc.Status> failed_requests", r.metadataName())
		return
	}
	holder := r.failed.holder(r.message().ProtoReflect())
	failures, key := holder.Mutable(r.failed.field()).Map(), protoreflect.ValueOfInt32(int32(index)).MapKey()
	if err == nil {
		failures.Clear(key)
		return
	}
	status := rpcerr.PublicStatus(err).Proto()
	r.failures.shorten(status)
	value := failures.NewValue()
	if err := transfer(value.Message(), status); err != nil {
		r.fault = err
		return
	}
	failures.Set(key, value)
	if r.failures.bytes += proto.Size(status); r.failures.bytes > r.a.m.config.maxMessage/2 {
		r.shortenFailures()
	}
}

// failures tracks the size of a run's failures, which are shortened as their number grows.
type failures struct {
	level int // of shortness: 0 is in full, 1 has the beginnings of messages, 2 has codes only
	bytes int // about, since the level has changed
}

// shortMessage is the size in bytes of the message of a failure at level 1.
const shortMessage = 80

// shorten reduces a status to the level.
func (f failures) shorten(status *spb.Status) {
	if f.level > 0 {
		status.Details = nil
		status.Message = cut(status.GetMessage(), shortMessage*(2-f.level))
	}
}

// packed returns the metadata in stored form, with failures shortened if it is larger than can be
// sent. r is locked.
func (r *Run[Req, Metadata]) packed() ([]byte, error) {
	encoded, err := packBytes(r.message())
	for err == nil && len(encoded) > r.a.m.config.maxMessage/2 && len(r.failed) > 0 && r.shortenFailures() {
		encoded, err = packBytes(r.message())
	}
	return encoded, err
}

// shortenFailures shortens the failures by a level. It returns false if they cannot be shorter. r
// is locked.
func (r *Run[Req, Metadata]) shortenFailures() bool {
	if r.failures.level == 2 {
		return false
	}
	r.failures.level++
	r.failures.bytes = 0
	all := r.failed.holder(r.message().ProtoReflect()).Mutable(r.failed.field()).Map()
	all.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		status := &spb.Status{}
		if transfer(status.ProtoReflect(), value.Message().Interface()) != nil {
			return true // it stays as it is
		}
		r.failures.shorten(status)
		short := all.NewValue()
		if transfer(short.Message(), status) == nil {
			all.Set(key, short)
		}
		r.failures.bytes += proto.Size(status)
		return true
	})
	return true
}
