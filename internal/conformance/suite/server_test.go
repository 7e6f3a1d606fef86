package suite

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/grpcservice/grpcservice/internal/conformance/gen/conformancev1"
	"github.com/grpcservice/grpcservice/internal/conformance/gen/conformancev1/conformancev1service"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// serve is the server under test: it serves what a request of the suite describes, until SIGTERM.
// Those of net/http serve on the address of Serve instead of grpc's transport.
func serve(ctx context.Context, in io.Reader, out io.Writer, front ...server.Option) error {
	req := &conformancev1.ServerCompatRequest{}
	if err := readFrame(in, req); err != nil {
		return fmt.Errorf("the suite's request: %w", err)
	}
	opts := append(front,
		server.WithLogger(slog.New(
			slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))),
		server.WithAccessLog(false), // of errors that requests ask for
		server.WithoutAuthentication(),
		server.WithDrainDelay(0),
		server.WithDefaultTimeout(0), // the suite expects no deadline without a timeout
	)
	if limit := req.GetMessageReceiveLimit(); limit > 0 {
		opts = append(opts, server.WithPolicy(fmt.Appendf(nil,
			`{%q: {"maxRequestBytes": %d}}`, conformancev1service.ConformanceServiceName+"/*", limit)))
	}
	if req.GetUseTls() {
		config, err := tlsConfig(req)
		if err != nil {
			return err
		}
		opts = append(opts, server.WithTLS(config))
	}
	srv := server.New(opts...)
	conformancev1service.RegisterConformanceService(srv, service{})
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := lis.Addr().(*net.TCPAddr)
	if err := writeFrame(out, &conformancev1.ServerCompatResponse{
		Host: addr.IP.String(), Port: uint32(addr.Port), PemCert: req.GetServerCreds().GetCert(),
	}); err != nil {
		return err
	}
	return srv.Serve(ctx, lis)
}

func tlsConfig(req *conformancev1.ServerCompatRequest) (*tls.Config, error) {
	creds := req.GetServerCreds()
	cert, err := tls.X509KeyPair(creds.GetCert(), creds.GetKey())
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	if ca := req.GetClientTlsCert(); len(ca) > 0 {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("the client's certificate is not PEM")
		}
	}
	return config, nil
}
