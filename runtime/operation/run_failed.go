package operation

import (
	"fmt"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Failed notes in the metadata's map of failed requests that the child with an index has failed (AIP-233), or with nil that it
// has not. [Run.Save] and the end of the operation show it. What the caller gets is a status, as a method's caller would. A
// failure that is tried again should not be noted. Where the metadata would be larger than can be sent, the statuses keep only
// their codes and the beginnings of their messages.
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

// failures says how much the failures of a run have, which grow shorter as they become many.
type failures struct {
	level int // of shortness: 0 is in full, 1 has the beginnings of messages, 2 has codes only
	bytes int // about, since the level has changed
}

// shortMessage is how many bytes the message of a failure has at level 1.
const shortMessage = 80

// shorten leaves a status what it has at the level.
func (f failures) shorten(status *spb.Status) {
	if f.level > 0 {
		status.Details = nil
		status.Message = cut(status.GetMessage(), shortMessage*(2-f.level))
	}
}

// packed returns the metadata as they are stored; r is locked. Of metadata that are larger than can be sent, it shortens the
// failures.
func (r *Run[Req, Metadata]) packed() ([]byte, error) {
	encoded, err := packBytes(r.message())
	for err == nil && len(encoded) > r.a.m.config.maxMessage/2 && len(r.failed) > 0 && r.shortenFailures() {
		encoded, err = packBytes(r.message())
	}
	return encoded, err
}

// shortenFailures shortens the failures by a level; r is locked. It returns false where they are as short as can be.
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
