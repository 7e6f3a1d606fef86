// Command driveweb makes calls of FullService over HTTP, as a stock client of connect in a process
// of its own. It registers no compressors.
//
//	driveweb ADDRESS PROTOCOL HEADER VALUE...
//
// PROTOCOL is grpc, grpcweb, connect or json, for HTTP/2, or with a suffix "1" for HTTP/1.1. It
// reads the same commands as drive.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "driveweb:", err)
		os.Exit(1)
	}
}

// options are those of the protocols.
var options = map[string][]connecthttp.Option{
	"grpc":    {connecthttp.WithGRPC()},
	"grpcweb": {connecthttp.WithGRPCWeb()},
	"connect": nil,
	"json":    {connecthttp.WithProtoJSON()},
}

func run(addr, protocol string, headers []string) error {
	name, one := strings.CutSuffix(protocol, "1")
	opts, ok := options[name]
	if !ok {
		return fmt.Errorf("there is no protocol %q", protocol)
	}
	transport := &http.Transport{
		Protocols: new(http.Protocols), DisableCompression: true,
		MaxIdleConns: 1000, MaxIdleConnsPerHost: 1000,
	}
	transport.Protocols.SetHTTP1(one)
	transport.Protocols.SetUnencryptedHTTP2(!one)
	opts = append(opts, connecthttp.WithCompressors())
	c := caller{
		connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: withHeaders{transport, headers}},
			"http://"+addr, opts...)),
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		text := ""
		if err := c.do(lines.Text()); err != nil {
			text = strings.Join(strings.Fields(err.Error()), " ") // on one line
		}
		if _, err := fmt.Println(text); err != nil {
			return err
		}
	}
	return lines.Err()
}

// withHeaders adds headers to each request.
type withHeaders struct {
	http.RoundTripper
	headers []string
}

func (w withHeaders) RoundTrip(r *http.Request) (*http.Response, error) {
	for i := 0; i < len(w.headers); i += 2 {
		r.Header.Set(w.headers[i], w.headers[i+1])
	}
	return w.RoundTripper.RoundTrip(r)
}

type caller struct{ client *connect.Client }

// do makes the calls of a line.
func (c caller) do(line string) error {
	var n, inFlight int
	if _, err := fmt.Sscanf(line, "unary %d %d", &n, &inFlight); err == nil {
		return c.calls(n, inFlight)
	}
	if _, err := fmt.Sscanf(line, "stream %d", &n); err != nil {
		return fmt.Errorf("%q is not a command: %w", line, err)
	}
	return c.messages(n)
}

// calls makes n unary calls, some at a time.
func (c caller) calls(n, inFlight int) error {
	var callers sync.WaitGroup
	errs := make([]error, inFlight)
	for i := range inFlight {
		callers.Go(func() {
			for j := i; j < n && errs[i] == nil; j += inFlight {
				errs[i] = c.call()
			}
		})
	}
	callers.Wait()
	return errors.Join(errs...)
}

func (c caller) call() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	spec := connect.Spec{Procedure: "/policy.v1.FullService/Unary", StreamType: connect.StreamTypeUnary}
	return c.client.CallUnary(ctx, spec, &kindsv1.Request{Text: "hello"}, new(kindsv1.Response))
}

// messages reads one stream of n messages.
func (c caller) messages(n int) error {
	spec := connect.Spec{
		Procedure: "/policy.v1.FullService/ServerStream", StreamType: connect.StreamTypeServer}
	req := &kindsv1.Request{Count: int32(n)}
	stream, err := c.client.CallServerStream(context.Background(), spec, req)
	if err != nil {
		return err
	}
	defer stream.Close()
	for read := 0; ; read++ {
		if err := stream.Receive(new(kindsv1.Response)); errors.Is(err, io.EOF) && read == n {
			return nil
		} else if err != nil {
			return fmt.Errorf("after %d messages: %w", read, err)
		}
	}
}
