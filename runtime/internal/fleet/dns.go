package fleet

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
)

// DNS is a server of names that gives every name the same IPv4 addresses.
type DNS struct {
	conn net.PacketConn
	done sync.WaitGroup

	mu        sync.Mutex
	addresses []net.IP
	broken    bool
}

// StartDNS starts a DNS server on a UDP port of 127.0.0.1, until the test ends.
func StartDNS(t testing.TB) *DNS {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &DNS{conn: conn}
	d.done.Go(d.serve)
	t.Cleanup(func() {
		conn.Close()
		d.done.Wait()
	})
	return d
}

// Addr returns the address of the server, for targets such as "dns://127.0.0.1:5353/name".
func (d *DNS) Addr() string { return d.conn.LocalAddr().String() }

// Set sets the addresses of all names, whose ports do not matter.
func (d *DNS) Set(t testing.TB, addrs ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addresses = nil
	for _, addr := range addrs {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		d.addresses = append(d.addresses, net.ParseIP(host).To4())
	}
}

// Break makes all answers SERVFAIL, until it is called with false.
func (d *DNS) Break(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = on
}

func (d *DNS) serve() {
	query := make([]byte, 512)
	for {
		n, from, err := d.conn.ReadFrom(query)
		if err != nil {
			return
		}
		if answer := d.answer(query[:n]); answer != nil {
			_, _ = d.conn.WriteTo(answer, from) // the client asks again
		}
	}
}

// Values of a DNS message (RFC 1035).
const (
	headerSize = 12
	typeA      = 1
	servfail   = 2
)

// answer returns the response to a query with one question, or nil.
func (d *DNS) answer(query []byte) []byte {
	end := headerSize
	for end < len(query) && query[end] != 0 { // the labels of the name
		end += 1 + int(query[end])
	}
	end += 5 // the last label, type and class
	if len(query) < end {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	addresses := d.addresses
	if binary.BigEndian.Uint16(query[end-4:]) != typeA || d.broken {
		addresses = nil
	}
	flags := uint16(0x8180) // a response, with recursion
	if d.broken {
		flags |= servfail
	}
	answer := append([]byte(nil), query[:2]...)
	for _, field := range []uint16{flags, 1, uint16(len(addresses)), 0, 0} {
		answer = binary.BigEndian.AppendUint16(answer, field)
	}
	answer = append(answer, query[headerSize:end]...)
	for _, ip := range addresses {
		answer = append(answer, 0xc0, headerSize) // the name of the question
		answer = append(answer, 0, typeA, 0, 1, 0, 0, 0, 1, 0, 4)
		answer = append(answer, ip...)
	}
	return answer
}
