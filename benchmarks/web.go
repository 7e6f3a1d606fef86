package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
)

// The stacks that serve over net/http: see serveweb. The native one is their measure for gRPC.
const (
	oursWeb      = "grpcservice, net/http"
	oursWebNoLog = "grpcservice, net/http, log off"
	oursWebPlain = "grpcservice, net/http, log off, no policies"
	oursNative   = "grpcservice, native"
)

// webProtocols are those that a server over net/http has, as driveweb spells them.
var webProtocols = []struct{ name, spelled string }{
	{"gRPC", "grpc"},
	{"gRPC-Web, HTTP/2", "grpcweb"},
	{"gRPC-Web, HTTP/1.1", "grpcweb1"},
	{"Connect, HTTP/2", "connect"},
	{"Connect, HTTP/1.1", "connect1"},
	{"Connect in JSON, HTTP/1.1", "json1"},
}

// printWebTable prints what measureWeb does, and writes it to the page if there is one.
func printWebTable(ctx context.Context, p *programs, o options) error {
	measure := func(out io.Writer) error { return measureWeb(ctx, out, p, o) }
	if o.page == "" {
		return measure(os.Stdout)
	}
	return sections{o.page}.print("web", measure)
}

// measureWeb compares our servers over net/http with one of connect that does nothing else.
func measureWeb(ctx context.Context, out io.Writer, p *programs, o options) error {
	fmt.Fprintln(out, "| protocol | server | beside | unary call, CPU | CPU µs more | allocations | bytes | "+
		"stream message, CPU |")
	fmt.Fprintln(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")
	names, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	for _, protocol := range webProtocols {
		for _, pair := range [][2]string{
			{connectRPC, oursWebPlain}, {connectRPC, oursWebNoLog}, {connectRPC, oursWeb},
			{oursNative, oursWebNoLog},
		} {
			if pair[0] == oursNative && protocol.spelled != "grpc" ||
				!names.MatchString(protocol.name+": "+pair[1]) {
				continue
			}
			err := printWeb(ctx, out, p, protocol.name, protocol.spelled, pair[0], pair[1], o)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// printWeb measures a server beside another one, and prints the row.
func printWeb(
	ctx context.Context, out io.Writer, p *programs, protocol, spelled, base, stack string, o options,
) (err error) {
	var servers [2]*serverProcess
	var callers [2]*callerProcess
	for i, name := range []string{base, stack} {
		if servers[i], err = p.start(ctx, name); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, servers[i].stop()) }()
		args := append([]string{servers[i].addr, spelled}, headersOf(stack)...)
		if callers[i], err = p.startDriver(ctx, "driveweb", args); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, callers[i].stop()) }()
	}
	block := func(i int, format string, args ...any) block {
		return servers[i].block(func() error { return callers[i].do(fmt.Sprintf(format, args...)) })
	}
	unary, err := measure(protocol, stack, o.pairs, o.calls,
		block(0, "unary %d %d", o.calls, o.inFlight), block(1, "unary %d %d", o.calls, o.inFlight))
	if err != nil {
		return err
	}
	stream, err := measure(protocol, stack, o.pairs, o.messages,
		block(0, "stream %d", o.messages), block(1, "stream %d", o.messages))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "| %s | %s | %s | %s | %+.1f | %+.1f | %+.0f | %s |\n", protocol, stack, base,
		unary.ratioText(), (unary.other-unary.base)/1000, unary.allocs, unary.bytes, stream.ratioText())
	return err
}
