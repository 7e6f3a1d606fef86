package client

import (
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
)

func TestParseServers(t *testing.T) {
	servers, err := parseServers("f", "\t10.0.0.1:8080\n"+
		"[::1]:8080 weight=4294967295\n[fe80::1%eth0]:1 zone=eu-1a\n"+
		"unix:///run/books.sock weight=7 zone=x # local\n my_books.internal.:443\n#zone=y")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range servers {
		got = append(got, s.Addresses[0].Addr+" "+s.Addresses[0].ServerName+" "+endpoint.Zone(s))
	}
	if want := "10.0.0.1:8080 10.0.0.1:8080 |[::1]:8080 [::1]:8080 |[fe80::1%eth0]:1 [fe80::1%eth0]:1 eu-1a|" +
		"unix:///run/books.sock localhost x|my_books.internal.:443 my_books.internal.:443 "; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", strings.Join(got, "|"), want)
	}
	if endpoint.Weight(servers[0]) != 0 || endpoint.Weight(servers[1]) != 1<<32-1 || endpoint.Weight(servers[3]) != 7 {
		t.Errorf("the weights are %d, %d and %d", endpoint.Weight(servers[0]), endpoint.Weight(servers[1]), endpoint.Weight(servers[3]))
	}
}

func TestParseServersRejects(t *testing.T) {
	for content, want := range map[string]string{
		"a:1\nb":            `f:2: "b": missing port in address; write "host:port", and an IPv6 address in brackets`,
		"a:1,b:1":           `f:1: "a:1,b:1": too many colons in address; write "host:port"`,
		"::1":               `f:1: "::1": too many colons in address`,
		"[::1":              `f:1: "[::1": missing ']' in address`,
		"[:::1]:1":          `f:1: "[:::1]:1": ParseAddr(":::1")`,
		":80":               `f:1: ":80": the host is missing before the port; write "host:port"`,
		"a:0":               `f:1: "a:0": the port "0" is not a number from 1 to 65535`,
		"a:65536":           `f:1: "a:65536": the port "65536" is not a number from 1 to 65535`,
		"a:http":            `f:1: "a:http": the port "http" is not a number from 1 to 65535`,
		"a:-1":              `f:1: "a:-1": the port "-1" is not a number from 1 to 65535`,
		"dns:///a:1":        `f:1: "dns:///a:1": write "host:port" without a scheme, or "unix:///path"`,
		"unix://a/b":        `f:1: "unix://a/b": `,
		"a b:1":             `f:1: "a": missing port in address`,
		"a/b:1":             `f:1: "a/b:1": a host name cannot contain '/'`,
		"\x00\xff:1":        `f:1: "\x00\xff:1": a host name cannot contain '\x00'`,
		"ä:1":               `f:1: "ä:1": a host name cannot contain 'ä'`,
		"a:1 zone=":         `f:1: "zone=": after the address, write zone=NAME or weight=NUMBER`,
		"a:1 zone":          `f:1: "zone": after the address, write zone=NAME or weight=NUMBER`,
		"a:1 region=x":      `f:1: "region=x": after the address, write zone=NAME or weight=NUMBER`,
		"a:1 b:1":           `f:1: "b:1": after the address, write zone=NAME or weight=NUMBER`,
		"a:1 weight=":       `f:1: "weight=": a weight is a number from 1 to 4294967295`,
		"a:1 weight=0":      `f:1: "weight=0": a weight is a number from 1 to 4294967295`,
		"a:1 weight=1.5":    `f:1: "weight=1.5": a weight is a number from 1 to 4294967295`,
		"a:1 zone=x zone=x": `f:1: zone is set twice`,
		"a:1\na:1 weight=1": `f:2: "a:1" is listed above with another zone or weight; delete one of the lines`,
		"":                  `f: the file has no addresses; write one "host:port" per line`,
		"# a:1\n \t\r\n#":   `f: the file has no addresses`,
	} {
		if servers, err := parseServers("f", content); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want %s", content, servers, err, want)
		}
	}
}
