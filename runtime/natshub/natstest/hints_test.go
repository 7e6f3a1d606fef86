package natstest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/natshub"
	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
)

// deaf is a proxy that drops the messages of some subjects, as a network between servers may do
// without the client noticing.
type deaf struct {
	target string
	drops  atomic.Pointer[string] // part of the subjects
}

func startDeaf(t *testing.T, target string) (*deaf, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	d := &deaf{target: target}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go d.serve(conn)
		}
	}()
	return d, "nats://" + listener.Addr().String()
}

func (d *deaf) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	srv, err := net.Dial("tcp", d.target)
	if err != nil {
		return
	}
	defer func() { _ = srv.Close() }()
	go func() { _, _ = io.Copy(srv, client) }()
	in := bufio.NewReader(srv)
	for {
		frame, subject, err := readFrame(in)
		if err != nil {
			return
		}
		if drops := d.drops.Load(); drops != nil && strings.Contains(subject, *drops) {
			continue
		}
		if _, err := client.Write(frame); err != nil {
			return
		}
	}
}

// readFrame reads a line of the protocol of NATS and the payload that follows it.
func readFrame(in *bufio.Reader) (frame []byte, subject string, err error) {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return nil, "", err
	}
	fields := strings.Fields(string(line))
	if len(fields) < 3 || fields[0] != "MSG" && fields[0] != "HMSG" {
		return line, "", nil
	}
	size, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil {
		return nil, "", err
	}
	frame = append(line, make([]byte, size+2)...)
	_, err = io.ReadFull(in, frame[len(line):])
	return frame, fields[1], err
}

// TestTheWatchdogFindsWhatIsNotAnnounced drops the hints of a log: readers still get all records.
func TestTheWatchdogFindsWhatIsNotAnnounced(t *testing.T) {
	srv := natstest.Start(t)
	proxy, url := startDeaf(t, fmt.Sprintf("127.0.0.1:%d", srv.Port()))
	name := newName()
	writing := openLog(t, srv.Connect(t), name)
	reading := openLog(t, outlives(t, url), name, natshub.WithWatchdog(50*time.Millisecond))
	drops := "-changes."
	proxy.drops.Store(&drops)
	for i := range 3 {
		changed := reading.Watch()
		if _, err := writing.Append(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		within(t, fmt.Sprintf("the watcher is woken by record %d, whose hint was lost", i+1), changed)
	}
	await(t, "the lost hints are counted", func() bool { return stalls(reading) > 0 })
	proxy.drops.Store(nil)
	for range 20 {
		changed := reading.Watch()
		if _, err := writing.Append(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		within(t, "the watcher is woken", changed)
	}
}

func stalls(log *natshub.Log) (n int) {
	log.Collect(func(desc *metric.Desc, value float64, _ ...string) {
		if desc.Name == metric.NatshubStalls {
			n = int(value)
		}
	})
	return n
}

// TestAnIdleLogAsksNothing checks that a log that nothing waits for sends nothing at all, and one
// that is waited for only what the watchdog asks.
func TestAnIdleLogAsksNothing(t *testing.T) {
	srv := natstest.Start(t, natstest.WithServerOptions(func(o *server.Options) {
		o.PingInterval = time.Hour
	}))
	nc := srv.Connect(t)
	log := openLog(t, nc, newName(), natshub.WithWatchdog(time.Hour))
	for range 100 {
		log.Watch()
	}
	before := nc.Stats().OutMsgs
	busy := openLog(t, srv.Connect(t), newName())
	for range 50 { // time passes
		if _, err := busy.Append(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if after := nc.Stats().OutMsgs; after != before {
		t.Errorf("100 watchers of an idle log sent %d messages", after-before)
	}
}
