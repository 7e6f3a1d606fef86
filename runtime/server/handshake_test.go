package server_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestConnectionsWithoutAHandshakeDoNotHoldTheShutdown opens connections as port scanners and load
// balancers do.
func TestConnectionsWithoutAHandshakeDoNotHoldTheShutdown(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing":               "",
		"a part of the preface": http2.ClientPreface[:9],
		"the preface alone":     http2.ClientPreface,
		"no HTTP/2":             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	} {
		t.Run(name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			srv := server.New(server.WithDrainDelay(0), server.WithShutdownTimeout(time.Hour))
			server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
			lis, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			accepted := make(chan struct{}, 1)
			ctx, cancel := context.WithCancel(context.Background())
			served := make(chan error, 1)
			go func() { served <- srv.Serve(ctx, acceptListener{lis, accepted}) }()
			conn := connect(t, lis.Addr().String())
			if _, err := io.WriteString(conn, sent); err != nil {
				t.Fatal(err)
			}
			echotest.Within(t, accepted)
			cancel()
			if err := echotest.Within(t, served); err != nil {
				t.Errorf("Serve returned %v", err)
			}
			if _, err := io.ReadAll(conn); err != nil {
				t.Logf("the connection ended with %v", err)
			}
		})
	}
}

// acceptListener reports the connections that it accepts.
type acceptListener struct {
	net.Listener
	accepted chan struct{}
}

func (l acceptListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.accepted <- struct{}{}
	}
	return conn, err
}
