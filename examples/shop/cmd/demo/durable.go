package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
	"github.com/grpcservice/grpcservice/internal/pgtest"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/stream"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// playDurable shows two replicas with one PostgreSQL and one NATS, of which one is killed.
func playDurable(ctx context.Context, p *platform, bin string) (err error) {
	title("Serve two replicas with one PostgreSQL and one NATS")
	database, err := pgtest.Run(ctx)
	if errors.Is(err, pgtest.ErrNotInstalled) && os.Getenv("CI") != "true" {
		fmt.Println("no: the shop keeps everything in memory here:", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer database.Close()
	bus, err := process.StartNATS(ctx, bin)
	if err != nil {
		return err
	}
	defer bus.Stop()
	fmt.Printf("PostgreSQL at %s, NATS at %s\n", database.URL(), bus.URL)

	logs := make([]bytes.Buffer, 2) // read after the servers have ended
	d := durable{platform: p}
	defer func() {
		for i, replica := range d.replicas {
			replica.Kill()
			if err != nil {
				title(fmt.Sprintf("What durable replica %d logged", i+1))
				fmt.Print(&logs[i])
			}
		}
	}()
	for i := range logs {
		replica, err := process.Start(ctx, filepath.Join(bin, "server"), &logs[i],
			p.environment(fmt.Sprintf("shop-durable-%d", i+1), ""), "-drain-delay", drainDelay.String(),
			"-store", "postgres", "-database", database.URL(), "-bus", "nats", "-nats", bus.URL,
			"-uploads", filepath.Join(bin, "uploads", fmt.Sprint("durable", i)))
		if err != nil {
			return err
		}
		d.replicas = append(d.replicas, replica)
		conn, err := client.Dial(replica.Addr, client.WithServerCAs(p.provider.CAFile), operation.Config())
		if err != nil {
			return err
		}
		defer conn.Close()
		d.conns = append(d.conns, conn)
		fmt.Printf("replica %d serves at %s\n", i+1, replica.Addr)
	}
	return d.play(ctx)
}

// durable are the replicas that share a database and a bus, and a connection to each.
type durable struct {
	*platform
	replicas []*process.Server
	conns    []*client.Conn
}

func (d *durable) play(ctx context.Context) error {
	callers, err := d.provider.Callers()
	if err != nil {
		return err
	}
	clerk, customer := callers.As(ctx, auth.Clerk), callers.As(ctx, auth.Customer)
	title("Two replicas share a room")
	if err := d.playRoom(clerk, customer); err != nil {
		return err
	}
	title("An order that is sent again to the other replica is placed once")
	if err := d.playOrder(customer); err != nil {
		return err
	}
	title("A replica is killed, and the other finishes its operation")
	return d.playKill(clerk)
}

// playRoom lets two users talk, each on another replica.
func (d *durable) playRoom(clerk, customer context.Context) error {
	var room [2]*stream.Conversation[shopv1.ChatMessage, shopv1.ChatMessage]
	for i, caller := range []context.Context{clerk, customer} {
		room[i] = stream.Converse(caller, shopv1service.NewChatServiceClient(d.conns[i]).Chat)
		defer room[i].Close()
		// A member that hears itself has joined.
		if err := exchange(room[i], room[i], fmt.Sprintf("this is replica %d", i+1)); err != nil {
			return err
		}
	}
	if err := exchange(room[0], room[1], "Do you hear me on replica 2?"); err != nil {
		return err
	}
	return exchange(room[1], room[0], "Yes, and you on replica 1?")
}

// exchange sends a message as one member of a room, until another has it.
func exchange(from, to *stream.Conversation[shopv1.ChatMessage, shopv1.ChatMessage], content string) error {
	if err := from.Send(&shopv1.ChatMessage{RoomId: "durable", Content: content}); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	for {
		message, err := to.Receive()
		if err != nil {
			return fmt.Errorf("chat: waiting for %q: %w", content, err)
		}
		if message.GetContent() == content {
			fmt.Printf("<%s> %s\n", message.GetUserId(), content)
			return nil
		}
	}
}

// playOrder places an order at both replicas.
func (d *durable) playOrder(customer context.Context) error {
	req := &shopv1.CreateOrderRequest{RequestId: idempotency.NewKey(), Lines: []*shopv1.Order_Line{{ProductId: 3, Quantity: 2}}}
	for i, conn := range d.conns {
		var header metadata.MD
		order, err := shopv1service.NewOrderServiceClient(conn).CreateOrder(client.WithCallOptions(customer, grpc.Header(&header)), req)
		if err != nil {
			return fmt.Errorf("CreateOrder: %w", err)
		}
		replayed := len(header.Get(idempotency.ReplayedHeader)) > 0
		fmt.Printf("replica %d: order %d; replayed: %v\n", i+1, order.GetId(), replayed)
		if replayed != (i > 0) {
			return fmt.Errorf("CreateOrder at replica %d: replayed is %v", i+1, replayed)
		}
	}
	return nil
}

// playKill kills the replica that runs an operation. A subscription continues on the other one.
func (d *durable) playKill(clerk context.Context) error {
	req := &shopv1.BatchRequest{Catalogue: "catalogues/main"}
	for i := range 160 {
		req.Items = append(req.Items, &shopv1.PriceChange{ProductId: int32(i%6) + 1, PriceCents: int64(1000 + i)})
	}
	op, err := shopv1service.BatchJobServiceProcessBatch.Call(clerk,
		shopv1service.NewBatchJobServiceClient(d.conns[0]), operation.NewClient(d.conns[0]), req)
	if err != nil {
		return fmt.Errorf("ProcessBatch: %w", err)
	}
	victim, err := d.worker(clerk)
	if err != nil {
		return err
	}
	other := 1 - victim
	seen, err := d.events(clerk, victim, "", 3)
	if err != nil {
		return err
	}
	op = shopv1service.BatchJobServiceProcessBatch.Named(operation.NewClient(d.conns[other]), op.Name())
	for progress, err := range op.Progress(clerk, operation.WithInterval(50*time.Millisecond)) {
		if err != nil {
			return fmt.Errorf("ProcessBatch: %w", err)
		}
		if progress.GetDone() < 20 {
			continue
		}
		if progress.GetDone() == progress.GetTotal() {
			return errors.New("ProcessBatch: it was done before its replica could be killed")
		}
		if err := d.replicas[victim].Signal(syscall.SIGKILL); err != nil {
			return err
		}
		fmt.Printf("replica %d is killed with SIGKILL after %d of %d items\n", victim+1, progress.GetDone(), progress.GetTotal())
		break
	}
	start := time.Now()
	result, err := op.Wait(clerk)
	if err != nil {
		return fmt.Errorf("ProcessBatch: %w", err)
	}
	metadata, err := op.Metadata()
	if err != nil {
		return err
	}
	fmt.Printf("replica %d has finished it after %v, from its checkpoint on: %d of %d items, %d new prices\n",
		other+1, time.Since(start).Round(100*time.Millisecond), metadata.GetDone(), metadata.GetTotal(), result.GetChanged())
	if metadata.GetDone() != metadata.GetTotal() {
		return errors.New("ProcessBatch: items are missing")
	}
	more, err := d.events(clerk, other, seen[len(seen)-1].GetPosition(), 3)
	if err != nil {
		return err
	}
	for _, event := range more {
		if slices.ContainsFunc(seen, func(e *shopv1.Event) bool { return e.GetId() == event.GetId() }) {
			return fmt.Errorf("SubscribeToEvents: event %s came twice", event.GetId())
		}
	}
	fmt.Printf("the subscription that started on replica %d continues on replica %d after its last event\n", victim+1, other+1)
	return nil
}

// events returns the next n events at a replica after a position, or from now on.
func (d *durable) events(clerk context.Context, replica int, position string, n int) (found []*shopv1.Event, err error) {
	events := shopv1service.NewEventServiceClient(d.conns[replica])
	req := &shopv1.SubscribeRequest{Since: timestamppb.New(time.Now().Add(-time.Hour)), EventTypes: []string{"price.changed"}}
	for event, err := range shopv1service.EventServiceSubscribeToEvents.Resume(clerk, events, req, subscription.WithPosition(position)) {
		if err != nil {
			return nil, fmt.Errorf("SubscribeToEvents at replica %d: %w", replica+1, err)
		}
		if found = append(found, event); len(found) == n {
			fmt.Printf("replica %d sent %d events, the last about %s\n", replica+1, n, event.GetSubject())
			return found, nil
		}
	}
	return nil, errors.New("SubscribeToEvents: the stream has ended")
}

// worker returns the index of the replica that runs an operation, once one does.
func (d *durable) worker(ctx context.Context) (int, error) {
	const running = "grpcservice_operation_running_attempts{"
	for {
		for i, replica := range d.replicas {
			text, err := get(ctx, "http://"+replica.Admin+"/metrics")
			if err != nil {
				return 0, err
			}
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, running) && strings.HasSuffix(strings.TrimSpace(line), " 1") {
					fmt.Printf("replica %d runs the operation\n", i+1)
					return i, nil
				}
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
