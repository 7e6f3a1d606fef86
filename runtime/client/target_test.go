package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

func TestDialRejectsLists(t *testing.T) {
	servicetest.NoLeaks(t)
	const list, path = `write the list after three slashes: "static:///host:port,host:port"`,
		`write the absolute path of a file after two slashes: "file:///etc/servers"`
	for target, want := range map[string]string{
		"static:///":            `the list is empty; write "static:///host:port,host:port"`,
		"static:":               `the list is empty`,
		"static:///a:1,":        `address 2, "": missing port in address; write "host:port"`,
		"static:///a:1,b":       `address 2, "b": missing port in address`,
		"static:///a:1, b:1":    `address 2, " b:1": a host name cannot contain ' '`,
		"static:///a:1,,b:1":    `address 2, ""`,
		"static:///a:0":         `address 1, "a:0": the port "0" is not a number from 1 to 65535`,
		"static://a:1,b:1":      list,
		"STATIC://a:1":          list,
		"static:///a:1?zone=x":  list,
		"static:///a:1#x":       list,
		"static:///dns:///a:1":  `address 1, "dns:///a:1": write "host:port" without a scheme`,
		"file:///":              path,
		"file:":                 path,
		"file:servers":          path,
		"file://servers":        path,
		"file://etc/servers":    path,
		"file:///etc/":          path,
		"file:///etc/servers?x": path,
	} {
		conn, err := client.Dial(target, client.WithInsecure())
		if err == nil {
			conn.Close()
			t.Errorf("%q: no error", target)
		} else if prefix := `cannot dial "` + target + `": `; !strings.HasPrefix(err.Error(), prefix+want) {
			t.Errorf("%q: got %v, want %s", target, err, want)
		}
	}
}

func TestListsOfServers(t *testing.T) {
	for target, want := range map[string]string{
		"static:///a:1":                     "a:1",
		"static:a:1,b:1":                    "a:1 b:1",
		"Static:///b:1,a:1,b:1":             "a:1 b:1",
		"static:///[::1]:1,127.0.0.1:1":     "127.0.0.1:1 [::1]:1",
		"static:///unix:///run/s,unix:s":    "unix:///run/s unix:s",
		"static:///%61:1%2Cunix-abstract:s": "a:1 unix-abstract:s",
	} {
		synctest.Test(t, func(t *testing.T) {
			conn := dial(t, target, inMemory(t))
			conn.Connect()
			if got := called(t, conn); got != want {
				t.Errorf("%s: calls got %s, want %s", target, got, want)
			}
		})
	}
}

// TestNamesOfListedServers checks which name a certificate must have, and what is :authority.
func TestNamesOfListedServers(t *testing.T) {
	servicetest.NoLeaks(t)
	https := httptest.NewUnstartedServer(nil)
	https.StartTLS() // for its certificate, of example.com and 127.0.0.1
	cert, roots := https.TLS.Certificates[0], x509.NewCertPool()
	roots.AddCert(https.Certificate())
	https.Close()
	addr := echotest.ListenAndServe(t, server.New(server.WithDrainDelay(0),
		server.WithTLS(&tls.Config{Certificates: []tls.Certificate{cert}})))
	_, port, _ := net.SplitHostPort(addr)
	named := func(name string) client.Option {
		return client.WithTLS(&tls.Config{RootCAs: roots, ServerName: name})
	}
	registry := client.WithResolvers(client.NewResolver("registry",
		func(ctx context.Context, _ *url.URL, update func(endpoints)) error {
			e := endpoint.New(addr)
			e.Addresses[0].ServerName = "example.com"
			update(endpoints{e})
			<-ctx.Done()
			return nil
		}))
	for _, test := range []struct {
		target string
		opts   []client.Option
		code   codes.Code
	}{
		{"static:///" + addr, []client.Option{named("")}, codes.OK},
		{"static:///" + addr, []client.Option{named("example.com")}, codes.OK},
		{"static:///" + addr, []client.Option{named("example.org")}, codes.Unavailable},
		{"static:///localhost:" + port, []client.Option{named("")}, codes.Unavailable},
		{"registry:///books", []client.Option{named(""), registry}, codes.OK},
		{"registry:///books", []client.Option{named("example.org"), registry}, codes.Unavailable},
	} {
		conn, err := client.Dial(test.target, test.opts...)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(echotest.Context(t), conn); status.Code(err) != test.code {
			t.Errorf("%s: got %v, want %v", test.target, err, test.code)
		}
		conn.Close()
	}
}
