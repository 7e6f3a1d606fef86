package web

import (
	"errors"

	"google.golang.org/grpc/metadata"
)

// SetHeader implements [grpc.ServerTransportStream].
func (c *call) SetHeader(md metadata.MD) error {
	if err := checkMetadata(md); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent.Load() || c.over.Load() {
		return errSent
	}
	c.header = metadata.Join(c.header, md)
	return nil
}

// SendHeader implements [grpc.ServerTransportStream]. The header of a unary call waits for the
// response, as its protocol requires.
func (c *call) SendHeader(md metadata.MD) error {
	if err := c.SetHeader(md); err != nil {
		return err
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	c.mu.Lock()
	if c.over.Load() {
		c.mu.Unlock()
		return errSent
	}
	c.writeHeader()
	c.mu.Unlock()
	if err := c.stream.SendHeaders(); err != nil {
		return c.sendError(err)
	}
	return nil
}

// SetTrailer implements [grpc.ServerTransportStream].
func (c *call) SetTrailer(md metadata.MD) error {
	if err := checkMetadata(md); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over.Load() {
		return errSent
	}
	c.trailer = metadata.Join(c.trailer, md)
	return nil
}

// errSent reports metadata that is set too late.
var errSent = errors.New("the header of the call has been sent")

// writeHeader passes the header on, once; c is locked.
func (c *call) writeHeader() {
	if !c.sent.Load() {
		c.sent.Store(true)
		copyMetadata(c.info.ResponseHeader(), c.header)
	}
}
