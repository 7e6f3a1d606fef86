package inprocess

import "sync"

// window is how many bytes a direction of a stream holds before a sender waits, as the initial
// window of HTTP/2 does. One message may exceed it.
const window = 64 << 10

// pipe is one direction of a call. One goroutine sends and one receives at a time.
type pipe struct {
	mu     sync.Mutex
	first  [1][]byte // the start of queue
	queue  [][]byte
	bytes  int
	closed bool
	reader chan struct{} // closed at the next change; nil if nobody waits to receive
	writer chan struct{} // the same for who waits to send
}

// push adds a message if there is room. Otherwise it returns a channel that is closed when it is
// worth another attempt; nil if the pipe is closed.
func (p *pipe) push(data []byte) (ok bool, wait <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return false, nil
	case len(p.queue) > 0 && p.bytes+len(data) > window:
		if p.writer == nil {
			p.writer = make(chan struct{})
		}
		return false, p.writer
	case p.queue == nil:
		p.queue = p.first[:0]
	}
	p.queue = append(p.queue, data)
	p.bytes += len(data)
	wake(&p.reader)
	return true, nil
}

// pop takes the next message. Otherwise it returns a channel that is closed when it is worth
// another attempt; nil if none will come.
func (p *pipe) pop() (data []byte, ok bool, wait <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		if p.closed {
			return nil, false, nil
		}
		if p.reader == nil {
			p.reader = make(chan struct{})
		}
		return nil, false, p.reader
	}
	data = p.queue[0]
	p.queue[0] = nil
	if p.queue = p.queue[1:]; len(p.queue) == 0 {
		p.queue = nil
	}
	p.bytes -= len(data)
	wake(&p.writer)
	return data, true, nil
}

// close ends the direction after the messages that it has.
func (p *pipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	wake(&p.reader)
	wake(&p.writer)
}

// wake closes the channel of who waits.
func wake(c *chan struct{}) {
	if *c != nil {
		close(*c)
		*c = nil
	}
}
