// Command gozero serves FullService with zrpc of go-zero.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
	policyv1 "github.com/grpcservice/grpcservice/benchmarks/peers/gen/policy/v1"
	"github.com/grpcservice/grpcservice/benchmarks/peers/stock"
)

func main() {
	full := flag.Bool("full", false, "authenticate and limit, too")
	flag.Parse()
	if err := run(*full); err != nil {
		fmt.Fprintln(os.Stderr, "gozero:", err)
		os.Exit(1)
	}
}

func run(full bool) error {
	srv, addr, err := newServer()
	if err != nil {
		return err
	}
	if full {
		srv.AddUnaryInterceptors(unaryFeatures()...)
		srv.AddStreamInterceptors(streamFeatures()...)
	}
	go srv.Start() // ends with the process
	if err := answered(addr); err != nil {
		return err
	}
	return peers.Report(addr, os.Stdin, os.Stdout)
}

// newServer has the defaults of go-zero; its records are discarded.
func newServer() (*zrpc.RpcServer, string, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	var c zrpc.RpcServerConf
	if err := conf.FillDefault(&c); err != nil {
		return nil, "", err
	}
	c.Name, c.ListenOn = "full", addr
	c.DevServer.Host, c.DevServer.Port = "127.0.0.1", 0
	srv, err := zrpc.NewServer(c, func(srv *grpc.Server) {
		policyv1.RegisterFullServiceServer(srv, stock.Service{})
	})
	logx.SetWriter(logx.NewWriter(io.Discard)) // NewServer has set one that writes to standard output
	return srv, addr, err
}

// freeAddress is for zrpc, which wants to know its port in advance.
func freeAddress() (string, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return lis.Addr().String(), lis.Close()
}

// answered waits until a server listens.
func answered(addr string) (err error) {
	for range 3000 {
		var conn net.Conn
		if conn, err = net.Dial("tcp", addr); err == nil {
			return conn.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.Join(errors.New("the server does not listen"), err)
}
