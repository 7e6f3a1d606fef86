package proxies

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// The parts of headers of version 2.
const (
	v2Local = signature + "\x20\x00"
	v2TCP4  = signature + "\x21\x11"
	v2TCP6  = signature + "\x21\x21"
	ipv4    = "\xcb\x00\x71\x09\x0a\x00\x00\x01\x12\x67\x01\xbb" // 203.0.113.9:4711
)

var ipv6 = "\x20\x01\xde\xad" + strings.Repeat("\x00", 11) + "\x05" + strings.Repeat("\x00", 16) + "\x12\x67\x01\xbb"

// headers are what connections start with; want is the source, "" for none, or an error after "!".
var headers = map[string]struct{ header, want string }{
	"1, IPv4":               {"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n", "203.0.113.9:4711"},
	"1, IPv6":               {"PROXY TCP6 2001:dead::5 2001:db8::1 4711 443\r\n", "[2001:dead::5]:4711"},
	"1, IPv4 in IPv6":       {"PROXY TCP6 ::ffff:203.0.113.9 ::1 4711 443\r\n", "203.0.113.9:4711"},
	"1, longest":            {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
	"1, unknown":            {"PROXY UNKNOWN\r\n", ""},
	"1, unknown and more":   {"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", ""},
	"1, port 0":             {"PROXY TCP4 203.0.113.9 10.0.0.1 0 0\r\n", "203.0.113.9:0"},
	"1, other family":       {"PROXY TCP4 2001:dead::5 2001:db8::1 4711 443\r\n", "!is not"},
	"1, IPv4 as TCP6":       {"PROXY TCP6 203.0.113.9 10.0.0.1 4711 443\r\n", "!is not"},
	"1, UDP":                {"PROXY UDP4 203.0.113.9 10.0.0.1 4711 443\r\n", "!is not"},
	"1, two spaces":         {"PROXY TCP4 203.0.113.9  10.0.0.1 4711 443\r\n", "!is not"},
	"1, space at the end":   {"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443 \r\n", "!is not"},
	"1, too few":            {"PROXY TCP4 203.0.113.9 10.0.0.1 4711\r\n", "!is not"},
	"1, no address":         {"PROXY TCP4 localhost 10.0.0.1 4711 443\r\n", "!is not"},
	"1, destination":        {"PROXY TCP4 203.0.113.9 localhost 4711 443\r\n", "!is not"},
	"1, zone":               {"PROXY TCP6 fe80::1%eth0 ::1 4711 443\r\n", "!is not"},
	"1, port with sign":     {"PROXY TCP4 203.0.113.9 10.0.0.1 +4711 443\r\n", "!is not"},
	"1, port with zero":     {"PROXY TCP4 203.0.113.9 10.0.0.1 04711 443\r\n", "!is not"},
	"1, port too large":     {"PROXY TCP4 203.0.113.9 10.0.0.1 65536 443\r\n", "!is not"},
	"1, line feed alone":    {"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\n", "!unexpected EOF"},
	"1, two lines":          {"PROXY TCP4 203.0.113.9\n10.0.0.1 4711 443\r\n", "!is not"},
	"1, endless":            {"PROXY UNKNOWN " + strings.Repeat("x", 1000), "!more than 107 bytes"},
	"1, lower case":         {"proxy TCP4 203.0.113.9 10.0.0.1 4711 443\r\n", "!does not start"},
	"2, IPv4":               {v2TCP4 + "\x00\x0c" + ipv4, "203.0.113.9:4711"},
	"2, IPv6":               {v2TCP6 + "\x00\x24" + ipv6, "[2001:dead::5]:4711"},
	"2, extensions":         {v2TCP4 + "\x00\x10" + ipv4 + "\xea\x00\x01\x00", "203.0.113.9:4711"},
	"2, long extensions":    {v2TCP4 + "\xff\xff" + ipv4 + strings.Repeat("\xea", 65535-12), "203.0.113.9:4711"},
	"2, local":              {v2Local + "\x00\x00", ""},
	"2, local with address": {v2Local + "\x00\x0c" + ipv4, ""},
	"2, unspecified":        {signature + "\x21\x00\x00\x00", ""},
	"2, unspecified, more":  {signature + "\x21\x00\x00\x03abc", ""},
	"2, UDP":                {signature + "\x21\x12\x00\x0c" + ipv4, "203.0.113.9:4711"},
	"2, Unix":               {signature + "\x21\x31\x00\xd8" + strings.Repeat("/", 216), " "},
	"2, Unix, short":        {signature + "\x21\x31\x00\x01/", "!too few"},
	"2, family":             {signature + "\x21\x41\x00\x00", "!unknown for its address family 4"},
	"2, IPv4, short":        {v2TCP4 + "\x00\x0b" + ipv4[:11], "!too few"},
	"2, IPv6, short":        {v2TCP6 + "\x00\x0c" + ipv4, "!too few"},
	"2, command":            {signature + "\x22\x11\x00\x0c" + ipv4, "!unknown version and command 0x22"},
	"2, version 1":          {signature + "\x11\x11\x00\x0c" + ipv4, "!unknown version and command 0x11"},
	"2, version 3":          {signature + "\x31\x11\x00\x0c" + ipv4, "!unknown version and command 0x31"},
	"HTTP/2":                {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!does not start"},
	"TLS":                   {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00", "!does not start"},
	"zeros":                 {strings.Repeat("\x00", 100), "!does not start"},
}

func TestReadHeader(t *testing.T) {
	const next = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	for name, test := range headers {
		for _, slow := range []bool{false, true} {
			after := test.header + next
			if strings.HasSuffix(test.want, "EOF") {
				after = test.header
			}
			rest := strings.NewReader(after)
			var r io.Reader = rest
			if slow {
				r = iotest.OneByteReader(rest)
			}
			addr, err := ReadHeader(r)
			if want, fails := strings.CutPrefix(test.want, "!"); fails {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v, %v, want %q", name, addr, err, want)
				}
				continue
			}
			switch {
			case err != nil:
				t.Errorf("%s: %v", name, err)
			case test.want == "" && addr != nil, test.want == " " && (addr == nil || addr.Network() != "unix"):
				t.Errorf("%s: the source is %v", name, addr)
			case strings.Contains(test.want, ":") && (addr == nil || addr.String() != test.want):
				t.Errorf("%s: the source is %v, want %s", name, addr, test.want)
			}
			if left, _ := io.ReadAll(rest); string(left) != next {
				t.Errorf("%s: left of the connection is %q", name, left)
			}
		}
	}
}

// A header that is cut off is an error wherever that is, and a connection without a byte is io.EOF.
func TestHeadersThatAreCutOff(t *testing.T) {
	for name, test := range headers {
		if strings.HasPrefix(test.want, "!") {
			continue
		}
		for n := 0; n < min(len(test.header), 300); n++ {
			_, err := ReadHeader(strings.NewReader(test.header[:n]))
			if want := io.ErrUnexpectedEOF; n == 0 && err != io.EOF || n > 0 && !errors.Is(err, want) {
				t.Errorf("%s, %d bytes: %v", name, n, err)
			}
		}
	}
}

func FuzzReadHeader(f *testing.F) {
	for _, test := range headers {
		f.Add([]byte(test.header))
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		r := bytes.NewReader(header)
		addr, err := ReadHeader(r)
		if err != nil && addr != nil {
			t.Errorf("%v with %v", addr, err)
		}
		if read := len(header) - r.Len(); read > 16+0xffff {
			t.Errorf("read %d bytes", read)
		}
	})
}
