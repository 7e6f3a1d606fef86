package h2conn

import "encoding/binary"

// Types and flags of HTTP/2 frames (RFC 9113, section 6).
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameWindowUpdate = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagEndHeaders = 0x4

	headerSize = 9
)

// frames follows the frames in one direction of a connection. It looks at their headers, and passes
// over what is in them.
type frames struct {
	header    [headerSize]byte
	have      int // bytes of the frame's header
	remaining int // bytes of its payload that are to come
}

// next reads p to the end of a frame, or to its own end, and returns how much it read. ended
// reports whether that is the end of the frame that kind, has and stream describe.
func (f *frames) next(p []byte) (n int, ended bool) {
	if f.have < headerSize {
		n = copy(f.header[f.have:], p)
		f.have += n
		if f.have < headerSize {
			return n, false
		}
		f.remaining = int(f.header[0])<<16 | int(f.header[1])<<8 | int(f.header[2])
	}
	skip := min(f.remaining, len(p)-n)
	f.remaining -= skip
	if f.remaining > 0 {
		return n + skip, false
	}
	f.have = 0
	return n + skip, true
}

func (f *frames) kind() byte          { return f.header[3] }
func (f *frames) has(flags byte) bool { return f.header[4]&flags == flags }
func (f *frames) stream() uint32      { return binary.BigEndian.Uint32(f.header[5:]) &^ (1 << 31) }

// endsStream reports whether the frame is the last one that its sender sends on its stream.
func (f *frames) endsStream() bool {
	return (f.kind() == frameData || f.kind() == frameHeaders) && f.has(flagEndStream)
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// requests follows what a client sends.
type requests struct {
	frames
	seen    int // bytes of the preface
	foreign bool
	block   bool   // within a block of headers
	last    uint32 // the highest stream so far
	opening uint32 // the stream that the block opens; 0 is none
}

// event is what a client does.
type event int

const (
	nothing event = iota
	opened        // the headers of a stream are complete
	reset         // the client wants no more of a stream
)

// follow reads p to the end of a frame, or to its own end, and returns how much it read and what
// the frame does to its stream.
func (r *requests) follow(p []byte) (n int, what event) {
	switch {
	case r.foreign:
		return len(p), nothing
	case r.seen < len(preface):
		return r.followPreface(p), nothing
	}
	n, ended := r.next(p)
	if r.have == headerSize && r.kind() == frameHeaders {
		r.block = true
	}
	if !ended {
		return n, nothing
	}
	return n, r.end()
}

func (r *requests) followPreface(p []byte) int {
	n := min(len(p), len(preface)-r.seen)
	if string(p[:n]) != preface[r.seen:r.seen+n] {
		r.foreign = true
		return len(p)
	}
	r.seen += n
	return n
}

// end returns what the frame does that has just ended.
func (r *requests) end() event {
	switch r.kind() {
	case frameReset:
		return reset
	case frameHeaders:
		if r.stream() > r.last { // else they are trailers
			r.last, r.opening = r.stream(), r.stream()
		}
	case frameContinuation:
	default:
		return nothing
	}
	r.block = !r.has(flagEndHeaders)
	if r.block || r.opening == 0 {
		return nothing
	}
	r.opening = 0
	return opened
}

// partial reports whether a block of headers, or the header of a frame, has begun and is not
// complete.
func (r *requests) partial() bool {
	return !r.foreign && r.seen == len(preface) && (r.block || r.have > 0 && r.have < headerSize)
}

// between reports whether the client is between two frames, and not within a block of headers.
func (r *requests) between() bool {
	return !r.foreign && r.seen == len(preface) && !r.block && r.have == 0
}
