package policy

import (
	"time"

	"google.golang.org/protobuf/proto"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Defaults of the patterns of streams, which also apply to handwritten policies that leave a
// value unset.
const (
	// DefaultPackItems is how many results a response of a search holds.
	DefaultPackItems = 100
	// DefaultPackBytes is how many bytes of results a response of a search holds.
	DefaultPackBytes = 64 << 10
	// DefaultPackWait is how long a result of a search waits for others in its response.
	DefaultPackWait = 20 * time.Millisecond
	// DefaultHandshakeTimeout is how long the server waits for a handshake.
	DefaultHandshakeTimeout = 10 * time.Second
	// DefaultMaxFileBytes is the size of the largest file of an upload.
	DefaultMaxFileBytes = 1 << 30
	// DefaultMaxUploadBytes is the size of all files of an upload.
	DefaultMaxUploadBytes = 4 << 30
	// DefaultMaxFiles is the maximum number of files of an upload.
	DefaultMaxFiles = 1000
	// DefaultBulkConcurrency is how many items of a bulk request run at a time.
	DefaultBulkConcurrency = 8
	// DefaultMaxFailures is how many items of a bulk request may fail.
	DefaultMaxFailures = 1000
)

func searchRule() rule {
	return patternRule("search", ofServerStream,
		func(p *Policy) bool { return p.Search.PackItems != 0 },
		said("off"),
		shape("limit", aNameOrNone), shape("items", aNameOrNone),
		field("max_limit", most(), func(p *Policy) *int { return &p.Search.MaxLimit }),
		field("pack_items", count(), func(p *Policy) *int { return &p.Search.PackItems }, DefaultPackItems),
		field("pack_bytes", byteCount, func(p *Policy) *int64 { return &p.Search.PackBytes }, DefaultPackBytes),
		field("pack_wait", limit,
			func(p *Policy) *time.Duration { return &p.Search.PackWait }, DefaultPackWait),
	)
}

func subscriptionRule() rule {
	return patternRule("subscription", ofServerStream,
		func(p *Policy) bool { return p.Subscription.MaxLines != 0 },
		said("off"),
		shape("position", aNameOrNone), shape("next_position", aNameOrNone),
		shape("since", aNameOrNone), shape("time", aNameOrNone),
		shape("types", aNameOrNone), shape("type", aNameOrNone),
		shape("lines", aNameOrNone), shape("level", aNameOrNone), shape("entry_level", aNameOrNone),
		field("heartbeat", limit,
			func(p *Policy) *time.Duration { return &p.Subscription.Heartbeat }, DefaultHeartbeat),
		field("max_lines", count(), func(p *Policy) *int { return &p.Subscription.MaxLines }, DefaultMaxLines),
	)
}

func uploadRule() rule {
	r := patternRule("upload", ofClientStream,
		func(p *Policy) bool { return p.Upload.MaxFiles != 0 },
		said("off"),
		shape("header", aNameOrNone), shape("name", aNameOrNone), shape("data", aName),
		shape("number", aNameOrNone), shape("offset", aNameOrNone), shape("size", aNameOrNone),
		shape("checksum", aNameOrNone),
		field("max_file_bytes", size,
			func(p *Policy) *int64 { return &p.Upload.MaxFileBytes }).completed(),
		field("max_total_bytes", size,
			func(p *Policy) *int64 { return &p.Upload.MaxTotalBytes }).completed(),
		field("max_files", count(), func(p *Policy) *int { return &p.Upload.MaxFiles }, DefaultMaxFiles),
		shape("finish", aNameOrNone),
	)
	r.complete = func(_ Method, p *Policy) { p.Upload.completeBytes() }
	r.follow = func(row, over *grpcservicev1.Policy) { followBytes(row.GetUpload(), over.GetUpload()) }
	r.check = func(f *faults, p *grpcservicev1.Policy) {
		file, total := p.GetUpload().GetMaxFileBytes(), p.GetUpload().GetMaxTotalBytes()
		if total > 0 && file > total {
			f.add("upload.max_file_bytes",
				"%d is above upload.max_total_bytes, which is %d; lower one or raise the other", file, total)
		}
	}
	return r
}

// completeBytes sets the limits of a file and of a call; the second bounds the first.
func (u *Upload) completeBytes() {
	if u.MaxTotalBytes == 0 {
		u.MaxTotalBytes = max(DefaultMaxUploadBytes, u.MaxFileBytes)
	}
	if u.MaxFileBytes == 0 {
		u.MaxFileBytes = DefaultMaxFileBytes
	}
	if u.MaxTotalBytes > 0 {
		u.MaxFileBytes = min(u.MaxFileBytes, u.MaxTotalBytes)
	}
}

// followBytes changes the limit of a table that a layer does not set to fit the one that it sets.
func followBytes(row, over *grpcservicev1.Upload) {
	if total := over.GetMaxTotalBytes(); total > 0 && over.MaxFileBytes == nil {
		if row.GetMaxFileBytes() > total {
			row.MaxFileBytes = proto.Int64(total)
		}
	}
	if file := over.GetMaxFileBytes(); over != nil && over.MaxTotalBytes == nil {
		if row.GetMaxTotalBytes() > 0 && file > row.GetMaxTotalBytes() {
			row.MaxTotalBytes = proto.Int64(file)
		}
	}
}

func bulkRule() rule {
	return patternRule("bulk", ofClientStream,
		func(p *Policy) bool { return p.Bulk.Concurrency != 0 },
		said("off"),
		field("concurrency", count(), func(p *Policy) *int { return &p.Bulk.Concurrency }, DefaultBulkConcurrency),
		field("max_items", most(), func(p *Policy) *int { return &p.Bulk.MaxItems }),
		field("max_failures", count(), func(p *Policy) *int { return &p.Bulk.MaxFailures }, DefaultMaxFailures),
	)
}

func handshakeRule() rule {
	return patternRule("handshake", ofBidi,
		func(p *Policy) bool { return p.Handshake.Timeout != 0 },
		said("off"),
		shape("arm", aName),
		field("timeout", limit,
			func(p *Policy) *time.Duration { return &p.Handshake.Timeout }, DefaultHandshakeTimeout),
	)
}

func roomRule() rule {
	return patternRule("room", ofBidi,
		func(p *Policy) bool { return p.Room.Queue != 0 },
		said("off"),
		shape("key", aName),
		field("queue", count(), func(p *Policy) *int { return &p.Room.Queue }, 64),
		field("queue_bytes", byteCount, func(p *Policy) *int64 { return &p.Room.QueueBytes }, 1<<20),
		field("slow", choice(slows), func(p *Policy) *Slow { return &p.Room.Slow }),
	)
}
