// Command benchmarks measures the cost of grpcservice's pipeline, as ratios to a bare server of
// protoc-gen-go-grpc. Blocks of calls to the two servers alternate, so that both see the same
// machine. It compares page tokens with another library, and balancers with grpc's, in the same
// way. README.md explains the output.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

// options are the sizes of a run.
type options struct {
	pairs    int // of blocks
	calls    int // in a block over TCP
	messages int // in a block of stream messages
	direct   int // calls in a block at the handler
	inFlight int // calls at a time over TCP

	delivered int    // messages that members of a room receive in a block
	idle      int    // members of rooms
	rooms     bool   // instead of calls and pages
	telemetry bool   // instead of calls and pages
	generate  bool   // instead of calls and pages
	files     int    // of a large request
	balancing bool   // instead of calls and pages
	peers     bool   // instead of calls and pages
	growth    bool   // instead of calls and pages
	web       bool   // instead of calls and pages
	only      string // the servers that peers compares
	page      string // is written, with the chart beside it
}

func main() {
	var o options
	serve := flag.String("serve", "", "serve a `stack` for another process; used by the program itself")
	flag.IntVar(&o.pairs, "pairs", 15, "`number` of pairs of blocks")
	flag.IntVar(&o.calls, "calls", 1500, "`calls` in a block over TCP")
	flag.IntVar(&o.messages, "messages", 20000, "stream `messages` in a block")
	flag.IntVar(&o.direct, "direct", 5000, "`calls` in a block at the handler")
	flag.IntVar(&o.inFlight, "in-flight", 64, "`calls` at a time over TCP")
	flag.IntVar(&o.delivered, "delivered", 64000, "`messages` that members of a room receive in a block")
	flag.IntVar(&o.idle, "idle", 100000, "`members` of rooms that receive nothing, and streams of -growth")
	flag.BoolVar(&o.rooms, "rooms", false, "measure rooms instead")
	flag.BoolVar(&o.telemetry, "telemetry", false, "measure metrics and spans instead")
	flag.BoolVar(&o.balancing, "balancing", false, "measure balancers instead")
	flag.BoolVar(&o.generate, "generate", false, "measure the plugin instead, with -pairs of small requests")
	flag.IntVar(&o.files, "files", 6000, "`files` of a large request to the plugin")
	flag.BoolVar(&o.peers, "peers", false, "compare servers of other frameworks instead")
	flag.BoolVar(&o.growth, "growth", false, "measure more keys, goroutines and streams instead")
	flag.BoolVar(&o.web, "web", false, "compare servers over net/http instead")
	flag.StringVar(&o.only, "only", "", "compare only servers whose names match a `regexp`")
	flag.StringVar(&o.page, "page", "", "measure what a `page` shows, and write its tables and its chart")
	flag.Parse()

	if err := run(*serve, o); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func run(serve string, o options) error {
	if serve != "" {
		return serveStack(serve)
	}
	if o.web {
		return withPrograms(func(p *programs) error {
			return printWebTable(context.Background(), p, o)
		})
	}
	if o.page != "" {
		return writePage(context.Background(), o)
	}
	if o.peers {
		return withPrograms(func(p *programs) error {
			_, err := measurePeers(context.Background(), os.Stdout, p, o)
			return err
		})
	}
	if o.growth {
		return measureGrowth(context.Background(), os.Stdout, o)
	}
	if o.generate {
		return measureGeneration(context.Background(), os.Stdout, o)
	}
	if o.rooms {
		return measureHub(context.Background(), o)
	}
	if o.balancing {
		return measureBalancing(context.Background(), o)
	}
	if o.telemetry {
		if err := measureMetrics(context.Background(), o); err != nil {
			return err
		}
		fmt.Println()
		return measureTelemetry(context.Background(), o)
	}
	printHead("bare")
	if err := measureHandlers(context.Background(), o); err != nil {
		return err
	}
	if err := measureStreamHandlers(context.Background(), o); err != nil {
		return err
	}
	err := withPrograms(func(p *programs) error {
		return printCalls(context.Background(), p, stacks, o)
	})
	if err != nil {
		return err
	}
	fmt.Println()
	if err := measureTokens(context.Background(), o); err != nil {
		return err
	}
	fmt.Println()
	return measurePages(context.Background(), o)
}

// measureHub prints what rooms cost.
func measureHub(ctx context.Context, o options) error {
	printHead(loopRoom)
	if err := measureRooms(ctx, o); err != nil {
		return err
	}
	fmt.Println()
	printHead("all receive")
	if err := measureStalled(ctx, o); err != nil {
		return err
	}
	fmt.Println()
	return measureIdle(ctx, o.idle)
}
