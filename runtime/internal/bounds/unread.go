package bounds

// AbortUnread resets the streams of finished calls whose responses were not written for a number of
// sweeps, because their clients do not read. It reports whether there are any calls. Each call of
// AbortUnread is a sweep. A response gets one more sweep if it had not arrived in the first one. It
// also closes connections of fronts that cannot send the end of a response; see
// [PlainConn.Finishing].
func (b *Bounds) AbortUnread(sweeps int) (calls bool) {
	b.conns.Range(func(_, conn any) bool {
		conn.(*Conn).abortUnread(sweeps)
		return true
	})
	for _, a := range b.held.unread(sweeps) {
		a.transport.Abort()
	}
	return b.all.streams.Load() > 0
}

// RestartUnread makes the next sweep the first one of all calls, because the next sweeps are of
// another length.
func (b *Bounds) RestartUnread() {
	b.held.restart()
	b.conns.Range(func(_, conn any) bool {
		c := conn.(*Conn)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.plain != nil {
			c.plain.unread = 0
		}
		for _, a := range c.streams {
			a.unread = 0
		}
		return true
	})
}

func (c *Conn) abortUnread(sweeps int) {
	for _, stream := range c.unreadStreams(sweeps) {
		c.abort(stream)
	}
}

// unreadStreams returns the streams whose responses are not read.
func (c *Conn) unreadStreams(sweeps int) (unread []uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plain != nil {
		c.plain.abort(sweeps)
	}
	if c.frames == nil {
		return nil
	}
	for stream, a := range c.streams {
		if !a.finished.Load() {
			continue
		}
		switch a.unread++; {
		case int(a.unread) == sweeps:
			c.frames.Follow(stream)
		case int(a.unread) < 2*sweeps:
		case c.frames.Progressed(stream):
			a.unread = int32(sweeps)
		default:
			unread = append(unread, stream)
		}
	}
	return unread
}

// abort resets a stream, once, if it still counts.
func (c *Conn) abort(stream uint32) {
	c.mu.Lock()
	frames, a := c.frames, c.streams[stream]
	if a == nil || a.aborted {
		frames = nil
	} else {
		a.aborted = true
	}
	c.mu.Unlock()
	if frames != nil {
		frames.Abort(stream)
	}
}

// Abort resets the stream of the call at once, without sending what is queued for it, if the
// transport still holds the stream.
func (a *Arrival) Abort() {
	switch {
	case a == nil:
	case a.transport != nil:
		a.transport.Abort()
	case a.stream != 0:
		a.conn.abort(a.stream)
	}
}
