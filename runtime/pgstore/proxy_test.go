package pgstore_test

import (
	"bytes"
	"io"
	"net"
	neturl "net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// cut is what a proxy does with a connection on which a client sends a text.
type cut int32

const (
	pass   cut = iota // nothing
	before            // closes it before the server gets the text
	after             // closes it after the server has answered, and drops the answer
	late              // closes it, and sends the text to the server when the proxy is released
)

// proxy stands between clients and a server.
type proxy struct {
	lis    net.Listener
	server string
	text   []byte
	mode   atomic.Int32 // a cut, which goes back to pass with the first connection
	cuts   atomic.Int64
	open   sync.WaitGroup

	release chan struct{} // closed by a test
	arrived chan struct{} // closed when the server has answered a late text
}

// newProxy starts a proxy for a database, which looks for a text in what clients send. It returns
// the URL of the database through the proxy.
func newProxy(t *testing.T, database, text string) (*proxy, string) {
	t.Helper()
	at, err := neturl.Parse(database)
	must(t, err)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{lis: lis, server: at.Host, text: []byte(text), release: make(chan struct{}), arrived: make(chan struct{})}
	p.open.Go(p.accept)
	t.Cleanup(func() { lis.Close(); p.open.Wait() })
	return p, strings.Replace(database, at.Host, lis.Addr().String(), 1)
}

func (p *proxy) cut(mode cut) { p.mode.Store(int32(mode)) }

func (p *proxy) accept() {
	for {
		client, err := p.lis.Accept()
		if err != nil {
			return
		}
		p.open.Go(func() { p.serve(client) })
	}
}

// serve passes on what a client and the server send each other.
func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var dropped, delayed atomic.Bool
	var answers sync.WaitGroup
	answers.Go(func() {
		defer client.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if delayed.Load() {
				close(p.arrived)
			}
			if err != nil || dropped.Load() {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	defer answers.Wait()
	defer server.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(bytes.ToLower(buffer[:n]), p.text) {
			switch {
			case p.mode.CompareAndSwap(int32(before), int32(pass)):
				p.cuts.Add(1)
				return
			case p.mode.CompareAndSwap(int32(after), int32(pass)):
				p.cuts.Add(1)
				dropped.Store(true)
			case p.mode.CompareAndSwap(int32(late), int32(pass)):
				p.cuts.Add(1)
				client.Close()
				<-p.release
				dropped.Store(true)
				delayed.Store(true)
				if _, err := server.Write(buffer[:n]); err == nil {
					answers.Wait() // until it has arrived
				}
				return
			}
		}
		if _, err := io.Copy(server, bytes.NewReader(buffer[:n])); err != nil {
			return
		}
	}
}
