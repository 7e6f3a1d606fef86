package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
)

// The stacks of a room: each member's messages wait in a channel, from which its handler sends them
// one by one; or a hub.
const (
	loopRoom = "Send in a loop"
	hubRoom  = "hub"
)

// roomSize is a message that members receive, and how.
type roomSize struct {
	name string
	gzip bool
	make func() *kindsv1.Response
}

// labels returns a map with n entries of size bytes.
func labels(n, size int) map[string]string {
	m := make(map[string]string, n)
	for i := range n {
		m[fmt.Sprint("label-", i)] = strings.Repeat(string(rune('a'+i)), size)
	}
	return m
}

// roomSizes are the messages, by the name that the request of a round has.
var roomSizes = []roomSize{
	{"90 B", false, func() *kindsv1.Response {
		return &kindsv1.Response{Text: strings.Repeat("x", 84), Count: 7}
	}},
	{"619 B", false, mediumMessage},
	{"5.3 kB", false, func() *kindsv1.Response {
		msg := mediumMessage()
		msg.Metadata = labels(8, 580)
		return msg
	}},
	{"619 B, gzip", true, mediumMessage},
}

func mediumMessage() *kindsv1.Response {
	return &kindsv1.Response{
		Text: strings.Repeat("hello ", 30), Count: 7,
		Payload: []byte(strings.Repeat("0123456789", 14)), RequestId: "0af7651916cd43dd8448eb211c80319c",
		TimeLeft: durationpb.New(90 * time.Second), Metadata: labels(4, 45),
	}
}

// sizeOf returns the message with a name.
func sizeOf(name string) (*kindsv1.Response, error) {
	for _, size := range roomSizes {
		if size.name == name {
			return size.make(), nil
		}
	}
	return nil, fmt.Errorf("there is no size %q", name)
}

// measureRooms compares what a server uses for each message that a member of a room receives.
func measureRooms(ctx context.Context, o options) error {
	for _, members := range []int{1, 3, 100, 1000} {
		for _, size := range roomSizes {
			if err := measureRoom(ctx, o, members, size); err != nil {
				return err
			}
		}
	}
	return nil
}

func measureRoom(ctx context.Context, o options, members int, size roomSize) (err error) {
	var rooms [2]*clientRoom
	for i, stack := range []string{loopRoom, hubRoom} {
		if rooms[i], err = enterRoom(ctx, stack, members, 0, size.gzip); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rooms[i].close()) }()
	}
	rounds := max(1, o.delivered/members/roundOf(members))
	run := func(r *clientRoom) block {
		return r.target.block(func() error { return r.play(rounds, size.name) })
	}
	what := fmt.Sprintf("%s, %d members", size.name, members)
	received := rounds * roundOf(members) * members
	return compare(what, hubRoom, o.pairs, received, run(rooms[0]), run(rooms[1]))
}

// roundOf returns how many messages are published at a time. Queues have room for them.
func roundOf(members int) int { return max(128, 2048/members) }

// measureStalled compares how long a room needs for its messages with and without one member that
// receives nothing.
func measureStalled(ctx context.Context, o options) (err error) {
	const members = 1000
	var rooms [2]*clientRoom
	for i := range rooms {
		if rooms[i], err = enterRoom(ctx, hubRoom, members-i, i, false); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rooms[i].close()) }()
	}
	rounds := max(1, o.delivered/members/roundOf(members))
	run := func(r *clientRoom) block {
		return func() (peers.Usage, error) {
			start := time.Now()
			err := r.play(rounds, "5.3 kB")
			return peers.Usage{CPU: time.Since(start)}, err
		}
	}
	what, received := "5.3 kB, 1000 members, 1 stalls", rounds*roundOf(members)*members
	return compare(what, hubRoom, o.pairs, received, run(rooms[0]), run(rooms[1]))
}

// measureIdle prints what a member takes of a server's memory while nothing happens: its stream,
// its goroutines and its queue.
func measureIdle(ctx context.Context, members int) (err error) {
	const each = 1000 // of a room, which share a connection
	r, err := enterRoom(ctx, hubRoom, 0, 0, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before, err := r.target.server.memory()
	for i := 0; i < members && err == nil; i += each {
		err = r.idle(ctx, fmt.Sprint("room ", i), each)
	}
	if err != nil {
		return err
	}
	after, err := r.target.server.memory()
	fmt.Printf("%d idle members: %d bytes of the server each\n",
		members, (int64(after)-int64(before))/int64(members))
	return err
}

// idle lets members join that never receive.
func (r *clientRoom) idle(ctx context.Context, room string, members int) error {
	conn, err := r.dial()
	for i := 0; i < members && err == nil; i++ {
		_, err = join(ctx, conn, room, false)
	}
	return err
}

// clientRoom is a server and members of a room on it.
type clientRoom struct {
	target   *target
	conns    []*grpc.ClientConn
	cancel   context.CancelFunc
	readers  sync.WaitGroup
	members  int
	received atomic.Int64
	want     atomic.Int64
	all      chan struct{} // has an element when all have received what they are to receive
	failed   chan error
}

// enterRoom starts a server, and lets members join, each with its own connection. The last stalled
// of them, in addition to the members, receive nothing.
func enterRoom(
	ctx context.Context, stack string, members, stalled int, gzip bool,
) (*clientRoom, error) {
	target, err := dialServer(ctx, stack)
	if err != nil {
		return nil, err
	}
	r := &clientRoom{
		target: target, members: members,
		all: make(chan struct{}, 1), failed: make(chan error, members+stalled),
	}
	ctx, r.cancel = context.WithCancel(ctx)
	for i := range members + stalled {
		if err := r.enter(ctx, i < members, gzip); err != nil {
			return nil, errors.Join(err, r.close())
		}
	}
	return r, nil
}

func (r *clientRoom) close() error {
	r.cancel()
	r.readers.Wait()
	for _, conn := range r.conns {
		_ = conn.Close()
	}
	return r.target.close()
}

// enter lets one member join with its own connection, and receive if it reads.
func (r *clientRoom) enter(ctx context.Context, reads, gzip bool) error {
	conn, err := r.dial()
	if err != nil {
		return err
	}
	stream, err := join(ctx, conn, "room", gzip)
	if err == nil && reads {
		r.readers.Go(func() { r.read(stream) })
	}
	return err
}

func (r *clientRoom) dial() (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(r.target.server.addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStaticStreamWindowSize(256<<10))
	if err == nil {
		r.conns = append(r.conns, conn)
	}
	return conn, err
}

// join joins a room, and waits for the welcome.
func join(
	ctx context.Context, conn *grpc.ClientConn, room string, gzip bool,
) (grpc.ClientStream, error) {
	opts := []grpc.CallOption{grpc.ForceCodecV2(rawCodec{})}
	if gzip {
		opts = append(opts, grpc.UseCompressor("gzip"))
	}
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := conn.NewStream(ctx, desc, kindsv1.KindsService_Bidi_FullMethodName, opts...)
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(&kindsv1.Request{Text: room}); err != nil {
		return nil, err
	}
	return stream, stream.RecvMsg(nil)
}

// read counts the messages of a member.
func (r *clientRoom) read(stream grpc.ClientStream) {
	for {
		if err := stream.RecvMsg(nil); err != nil {
			r.failed <- err
			return
		}
		if r.received.Add(1) == r.want.Load() {
			r.all <- struct{}{}
		}
	}
}

// play publishes messages, round by round, and waits after each until all members have received it.
func (r *clientRoom) play(rounds int, size string) error {
	n, publisher := roundOf(r.members), kindsv1.NewKindsServiceClient(r.target.conn)
	req := &kindsv1.Request{Text: size, Count: int32(n)}
	for range rounds {
		r.want.Add(int64(n * r.members))
		if _, err := publisher.Unary(r.target.ctx, req); err != nil {
			return err
		}
		select {
		case <-r.all:
		case err := <-r.failed:
			if err == io.EOF {
				err = errors.New("a member's stream has ended")
			}
			return err
		case <-time.After(time.Minute):
			return fmt.Errorf("members received %d of %d messages within a minute",
				r.received.Load(), r.want.Load())
		}
	}
	return nil
}

// rawCodec encodes requests, and does not decode responses.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) { return protoCodec().Marshal(v) }

func (rawCodec) Unmarshal(mem.BufferSlice, any) error { return nil }
