package inprocess

import (
	"errors"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// answer is what a method answers besides messages.
type answer struct {
	mu      sync.Mutex
	header  metadata.MD
	sent    bool          // the header
	waiting chan struct{} // closed when the header is sent, and at the end; nil if nobody waits
	over    bool
	// trailer and status do not change when the call is over.
	trailer metadata.MD
	status  error // nil for OK
}

// finish ends the call with the status of err. It reports whether this is the first end, which
// counts.
func (a *answer) finish(err error) (first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return false
	}
	a.over = true
	if err != nil {
		st, ok := status.FromError(err)
		if !ok {
			st = status.FromContextError(err)
		}
		a.status = st.Err() // without what err wraps: it is not for the caller
	}
	if !a.sent && (len(a.header) > 0 || err == nil) {
		a.sendHeader()
	}
	wake(&a.waiting)
	return true
}

// startResponse sends the header before the first message.
func (a *answer) startResponse() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return errOver
	}
	if !a.sent {
		a.sendHeader()
	}
	return nil
}

// sendHeader makes the header visible; a is locked, and the header is not sent.
func (a *answer) sendHeader() {
	a.sent = true
	wake(&a.waiting)
}

// sentHeader returns a copy of the header; nil if the call has ended without one. Before, it
// returns a channel that is closed when there is an answer.
func (a *answer) sentHeader() (md metadata.MD, wait <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.sent:
		md = a.header.Copy()
		dropReserved(md)
		if md == nil {
			md = make(metadata.MD, 1)
		}
		md[contentTypeKey] = []string{contentType}
		return md, nil
	case a.over:
		return nil, nil
	case a.waiting == nil:
		a.waiting = make(chan struct{})
	}
	return nil, a.waiting
}

// ended returns how a call has ended, and whether it has.
func (a *answer) ended() (trailer metadata.MD, over bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.over {
		return nil, false, nil
	}
	return a.trailer.Copy(), true, a.status
}

// result returns the status of a call that is over.
func (a *answer) result() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status
}

func (a *answer) setHeader(md metadata.MD, send bool) error {
	if err := validate(md); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sent || a.over {
		return errSent
	}
	a.header = metadata.Join(a.header, md)
	if send {
		a.sendHeader()
	}
	return nil
}

func (a *answer) setTrailer(md metadata.MD) error {
	if err := validate(md); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return errSent
	}
	a.trailer = metadata.Join(a.trailer, md)
	dropReserved(a.trailer)
	return nil
}

// errSent reports a header that is set or sent too late.
var errSent = errors.New("the header of the call has been sent")

// errOver is the error of a method that sends although its call has ended.
var errOver = status.Error(codes.Canceled, "the call has ended")

// errGoexit is the status of a handler that has ended its goroutine.
var errGoexit = status.Error(codes.Internal, "the method did not return")
