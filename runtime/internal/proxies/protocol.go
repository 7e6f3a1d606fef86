package proxies

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// maxText is the length of the longest header of version 1 of the PROXY protocol, with its end of
// line. A header of version 2 states its length, which is less than 64 KiB.
const maxText = 107

// signature starts a header of version 2.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// ReadHeader reads the header of the PROXY protocol, in version 1 or 2, with which a proxy starts a
// connection, and not a byte more. It returns the address of the client; nil if the proxy made the
// connection for itself, as for a health check, or does not state the address.
//
// It returns io.EOF if the connection ends before the first byte. The caller bounds the time.
func ReadHeader(r io.Reader) (net.Addr, error) {
	var buf [16]byte
	start := buf[:len(signature)] // the shortest header of version 1 is longer
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, err
	}
	if string(start) == signature {
		return readBinary(r, buf[:])
	}
	if strings.HasPrefix(string(start), "PROXY ") {
		return readText(r, start)
	}
	return nil, errors.New("the connection does not start with a header of the PROXY protocol")
}

// readText reads the rest of a header of version 1, which is a line of text.
func readText(r io.Reader, start []byte) (net.Addr, error) {
	var buf [maxText]byte
	line := append(buf[:0], start...)
	for !strings.HasSuffix(string(line), "\r\n") {
		if len(line) == maxText {
			return nil, fmt.Errorf("the header of the PROXY protocol has more than %d bytes", maxText)
		}
		line = line[:len(line)+1]
		if _, err := io.ReadFull(r, line[len(line)-1:]); err != nil {
			return nil, cut(err)
		}
	}
	return parseText(string(line[:len(line)-2]))
}

var errText = errors.New(`the header of the PROXY protocol is not "PROXY TCP4 source destination port port"`)

// parseText returns the source in the line of a header.
func parseText(line string) (net.Addr, error) {
	fields := strings.Split(line, " ")
	if len(fields) >= 2 && fields[1] == "UNKNOWN" {
		return nil, nil // ignore whatever follows
	}
	if len(fields) != 6 || fields[1] != "TCP4" && fields[1] != "TCP6" {
		return nil, errText
	}
	is4 := fields[1] == "TCP4"
	source, err := textAddr(fields[2], fields[4], is4)
	if err != nil {
		return nil, err
	}
	if _, err = textAddr(fields[3], fields[5], is4); err != nil {
		return nil, err
	}
	return source, nil
}

// textAddr returns an address of a header as net.Addr; nil with an error.
func textAddr(addr, port string, is4 bool) (net.Addr, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Is4() != is4 || ip.Zone() != "" {
		return nil, errText
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(number, 10) != port {
		return nil, errText
	}
	return tcpAddr(ip, uint16(number)), nil
}

func tcpAddr(ip netip.Addr, port uint16) net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap(), port))
}

// The commands and address families of version 2.
const (
	commandLocal = 0x20 // the version is in the same byte
	commandProxy = 0x21

	familyNone = 0x0
	familyIPv4 = 0x1
	familyIPv6 = 0x2
	familyUnix = 0x3

	lenIPv4 = 12 // of both addresses
	lenIPv6 = 36
	lenUnix = 216
)

// readBinary reads a header of version 2 after its signature, which is in buf.
func readBinary(r io.Reader, buf []byte) (net.Addr, error) {
	if _, err := io.ReadFull(r, buf[len(signature):]); err != nil {
		return nil, cut(err)
	}
	command, family := buf[12], buf[13]>>4
	length := int(binary.BigEndian.Uint16(buf[14:]))
	var addrs [lenUnix]byte
	body := addrs[:min(length, len(addrs))]
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, cut(err)
	}
	if _, err := io.CopyN(io.Discard, r, int64(length-len(body))); err != nil { // extensions
		return nil, cut(err)
	}
	switch command {
	case commandLocal:
		return nil, nil
	case commandProxy:
		return binaryAddr(family, body)
	default:
		return nil, fmt.Errorf("the header of the PROXY protocol has the unknown version and command %#02x", command)
	}
}

// binaryAddr returns the source in the body of a header.
func binaryAddr(family byte, body []byte) (net.Addr, error) {
	switch {
	case family == familyNone:
		return nil, nil
	case family == familyIPv4 && len(body) >= lenIPv4:
		ip, _ := netip.AddrFromSlice(body[:4])
		return tcpAddr(ip, binary.BigEndian.Uint16(body[8:])), nil
	case family == familyIPv6 && len(body) >= lenIPv6:
		ip, _ := netip.AddrFromSlice(body[:16])
		return tcpAddr(ip, binary.BigEndian.Uint16(body[32:])), nil
	case family == familyUnix && len(body) >= lenUnix:
		return &net.UnixAddr{Net: "unix"}, nil
	}
	return nil, fmt.Errorf("the header of the PROXY protocol has %d bytes, too few or unknown for its "+
		"address family %d", len(body), family)
}

// cut returns the error of a header that ends too early.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
