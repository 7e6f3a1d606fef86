package natstest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/natshub"
	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
)

var all = eventlog.Limit{Records: 1 << 20, Bytes: 1 << 30}

// outlives is the connection of a client that outlives its server.
func outlives(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond),
		nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// TestEachRecordOnceDespiteKills kills the server while records are appended, some of them two at
// a time, and read: every append that returned is in the log once, in its place, and both of two
// records are.
func TestEachRecordOnceDespiteKills(t *testing.T) {
	const writers, kills = 4, 3
	proc := startProcess(t)
	name := newName()
	opts := []natshub.LogOption{natshub.WithTimeout(time.Minute)}
	writing := openLog(t, outlives(t, proc.url()), name, opts...)
	reading := openLog(t, outlives(t, proc.url()), name, opts...)
	start, err := reading.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var appended atomic.Int64
	var mu sync.Mutex
	places := map[string]uint64{}
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for n := 0; !stop.Load(); n++ {
				texts := []string{fmt.Sprintf("%d/%d", w, n)}
				if n%2 == 1 {
					texts = append(texts, texts[0]+"b")
				}
				data := make([][]byte, len(texts))
				for i, text := range texts {
					data[i] = []byte(text)
				}
				at, err := writing.Append(t.Context(), data...)
				if err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				mu.Lock()
				for i, text := range texts {
					places[text] = at.Sequence - uint64(len(texts)-1-i)
				}
				mu.Unlock()
				appended.Add(1)
			}
		})
	}
	followed := make(chan []eventlog.Record, 1)
	var last atomic.Uint64 // 0 until it is known
	go func() { followed <- follow(t, reading, start.Head(), &last) }()
	for range kills {
		await(t, "more appends", after(&appended, 20))
		proc.kill()
		proc.start(t)
	}
	await(t, "more appends", after(&appended, 20))
	stop.Store(true)
	running.Wait()
	bounds, err := reading.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last.Store(bounds.Last)
	if _, err := writing.Append(t.Context(), []byte("end")); err != nil { // wakes the reader
		t.Fatal(err)
	}
	records := <-followed
	found := map[string]uint64{}
	for _, r := range records {
		text := string(r.Data)
		if at, twice := found[text]; twice {
			t.Errorf("%q is record %d and %d", text, at, r.Sequence)
		}
		found[text] = r.Sequence
	}
	for text, at := range places {
		if found[text] != at {
			t.Errorf("%q was appended as record %d, and is record %d", text, at, found[text])
		}
	}
	for text, at := range found {
		if first, second := strings.CutSuffix(text, "b"); second && found[first] != at-1 {
			t.Errorf("%q is record %d, and %q record %d", first, found[first], text, at)
		}
	}
	t.Logf("%d appends, %d records, %d kills", appended.Load(), len(records), kills)
}

// after returns a condition: n has grown by more.
func after(n *atomic.Int64, more int64) func() bool {
	from := n.Load()
	return func() bool { return n.Load() >= from+more }
}

// await waits for a condition.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it does not happen", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// follow reads all records up to the one with the number last.
func follow(
	t *testing.T, log eventlog.Store, at eventlog.Position, last *atomic.Uint64,
) (records []eventlog.Record) {
	for last.Load() == 0 || at.Sequence < last.Load() {
		changed := log.Watch()
		batch, err := log.Read(t.Context(), at, eventlog.Limit{Records: 100, Bytes: 1 << 20})
		if err != nil {
			t.Errorf("Read: %v", err)
			return records
		}
		for _, r := range batch.Records {
			if r.Sequence != at.Sequence+1 {
				t.Errorf("record %d follows %d", r.Sequence, at.Sequence)
			}
			at.Sequence = r.Sequence
		}
		if records = append(records, batch.Records...); len(batch.Records) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-time.After(2 * patience):
			t.Errorf("the reader is not woken after record %d", at.Sequence)
			return records
		}
	}
	return records
}

// TestAStreamThatWasCreatedAgain deletes the stream below a log and its reader.
func TestAStreamThatWasCreatedAgain(t *testing.T) {
	srv := natstest.Start(t)
	nc := srv.Connect(t)
	name := newName()
	log := openLog(t, nc, name)
	old, err := log.Append(t.Context(), []byte("1"), []byte("2"))
	if err != nil {
		t.Fatal(err)
	}
	changed := log.Watch()
	if err := jetStream(t, nc).DeleteStream(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Bounds(t.Context()); !errors.Is(err, jetstream.ErrStreamNotFound) ||
		!contains(err, "open it again") {
		t.Fatalf("Bounds of a log whose stream is gone returned %v", err)
	}
	openLog(t, srv.Connect(t), name)
	select {
	case <-changed:
	case <-time.After(patience):
		t.Fatal("the watcher is not woken by another incarnation")
	}
	for range 3 { // beyond the position of the old incarnation
		at, err := log.Append(t.Context(), []byte("new"))
		if err != nil || at.Epoch == old.Epoch {
			t.Fatalf("Append returned %v, %v, and the old epoch is %x", at, err, old.Epoch)
		}
	}
	var lost *eventlog.PositionError
	if _, err := log.Read(t.Context(), old, all); !errors.As(err, &lost) ||
		!errors.Is(err, eventlog.ErrUnknown) {
		t.Fatalf("Read from a position of the old incarnation returned %v", err)
	}
	batch, err := log.Read(t.Context(), lost.Earliest, all)
	if err != nil || len(batch.Records) != 3 || string(batch.Records[0].Data) != "new" {
		t.Fatalf("Read returned %+v, %v", batch, err)
	}
}

// TestAStreamThatOthersEdit checks that the error names the setting.
func TestAStreamThatOthersEdit(t *testing.T) {
	js := jetStream(t, natstest.Start(t).Connect(t))
	for setting, edit := range map[string]func(*jetstream.StreamConfig){
		"subjects": func(c *jetstream.StreamConfig) {
			c.Subjects = append(c.Subjects, "more")
		},
		"max_msgs_per_subject": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 },
		"no_ack":               func(c *jetstream.StreamConfig) { c.NoAck = true },
		"sealed":               func(c *jetstream.StreamConfig) { c.Sealed = true },
		"allow_rollup_hdrs":    func(c *jetstream.StreamConfig) { c.AllowRollup = true },
		"allow_direct":         func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"allow_msg_ttl":        func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
		"allow_atomic":         func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
		"republish.src":        func(c *jetstream.StreamConfig) { c.RePublish = nil },
		"duplicate_window":     func(c *jetstream.StreamConfig) { c.Duplicates = time.Second },
		"grpcservice-epoch":    func(c *jetstream.StreamConfig) { c.Metadata = nil },
		"max_age":              func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
	} {
		t.Run(setting, func(t *testing.T) {
			name := newName()
			log, err := natshub.OpenLog(t.Context(), js, name, natshub.WithMaxAge(2*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			stream, err := js.Stream(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			config := stream.CachedInfo().Config
			edit(&config)
			if _, err := js.UpdateStream(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			_, err = log.Read(t.Context(), eventlog.Position{}, all)
			_, again := natshub.OpenLog(t.Context(), js, name, natshub.WithMaxAge(2*time.Hour))
			for _, err := range []error{err, again} {
				if !contains(err, setting) || !contains(err, "; ") || !contains(err, name) {
					t.Errorf("the error is %v, want one with the setting %s", err, setting)
				}
			}
		})
	}
}

// TestAHole removes a record from the middle of a stream, which only an administrator can do.
func TestAHole(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	js, name := jetStream(t, nc), newName()
	log := openLog(t, nc, name)
	stream, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), 1); err == nil || !contains(err, "delete") {
		t.Fatalf("the deletion of a record returned %v, want that it is not permitted", err)
	}
	config := stream.CachedInfo().Config
	config.DenyDelete = false
	if err := js.DeleteStream(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if stream, err = js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, err := js.Publish(t.Context(), config.Subjects[0], []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Bounds(t.Context()); !contains(err, "deny_delete=false") {
		t.Fatalf("Bounds of a stream that permits deletions returned %v", err)
	}
	if err := stream.DeleteMsg(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	config.DenyDelete = true
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	bounds, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch, err := log.Read(t.Context(), bounds.Earliest(), all)
	if err != nil || len(batch.Records) != 1 {
		t.Fatalf("Read up to the hole returned %d records, %v", len(batch.Records), err)
	}
	at := eventlog.Position{Epoch: bounds.Epoch, Sequence: 1}
	_, err = log.Read(t.Context(), at, all)
	if !contains(err, "records 2 to 2 are missing") || !contains(err, "trim the log through 2") {
		t.Fatalf("Read of the hole returned %v", err)
	}
	at.Sequence = 2
	if err := log.Trim(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if batch, err = log.Read(t.Context(), at, all); err != nil || len(batch.Records) != 2 {
		t.Fatalf("Read after the trim returned %d records, %v", len(batch.Records), err)
	}
}

func TestAFullLog(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	for name, opt := range map[string]natshub.LogOption{
		"records": natshub.WithMaxRecords(4), "bytes": natshub.WithMaxBytes(2000),
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte(strings.Repeat("x", 400))
			rejects := openLog(t, nc, newName(), opt, natshub.WithRejectWhenFull())
			trims := openLog(t, nc, newName(), opt)
			var first eventlog.Position
			var err error
			for i := 0; err == nil && i < 20; i++ {
				if _, err := trims.Append(t.Context(), data); err != nil {
					t.Fatal(err)
				}
				var at eventlog.Position
				if at, err = rejects.Append(t.Context(), data); i == 0 {
					first = at
				}
			}
			if !errors.Is(err, natshub.ErrFull) {
				t.Fatalf("Append to a full log returned %v", err)
			}
			if _, err := rejects.Append(t.Context(), data, data); !errors.Is(err, natshub.ErrFull) {
				t.Fatalf("Append of two records to a full log returned %v", err)
			}
			if err := rejects.Trim(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			if _, err := rejects.Append(t.Context(), data); err != nil {
				t.Fatalf("Append after a trim: %v", err)
			}
			if _, err := trims.Append(t.Context(), data); err != nil {
				t.Fatal(err)
			}
			if b, err := trims.Bounds(t.Context()); err != nil || b.First < 2 || b.Last < b.First {
				t.Fatalf("the bounds of a log that trims are %+v, %v", b, err)
			}
		})
	}
}

func TestRecordsThatAreTooLarge(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	log := openLog(t, nc, newName(), natshub.WithMaxBytes(10_000), natshub.WithMaxRecords(10))
	for name, data := range map[string][][]byte{
		"a record":  {make([]byte, 10_001)},
		"payload":   {make([]byte, nc.MaxPayload())},
		"together":  {make([]byte, 6000), make([]byte, 6000)},
		"number":    make([][]byte, 11),
		"the batch": make([][]byte, 1001),
	} {
		if _, err := log.Append(t.Context(), data...); !errors.Is(err, eventlog.ErrTooLarge) {
			t.Errorf("%s: Append returned %v", name, err)
		}
	}
	if b, err := log.Bounds(t.Context()); err != nil || b.Last != 0 {
		t.Errorf("the bounds are %+v, %v", b, err)
	}
	unbounded := openLog(t, nc, newName())
	at, err := unbounded.Append(t.Context(), make([][]byte, 1000)...)
	if err != nil || at.Sequence != 1000 {
		t.Errorf("Append of 1000 records returned %v, %v", at, err)
	}
	if _, err := unbounded.Append(t.Context(), make([]byte, nc.MaxPayload()-512)); err != nil {
		t.Errorf("Append of the largest record: %v", err)
	}
}

// TestLimitsOfTheServer checks that they are definite errors, and do not wait for the timeout.
func TestLimitsOfTheServer(t *testing.T) {
	srv := natstest.Start(t, natstest.WithServerOptions(func(o *server.Options) {
		o.JetStreamMaxStore = 1 << 20
	}))
	_, err := natshub.OpenLog(t.Context(), jetStream(t, srv.Connect(t)), newName())
	if !contains(err, "raise the JetStream limits") {
		t.Fatalf("OpenLog returned %v", err)
	}
}

// TestAServerThatIsAway checks that calls obey their context and their timeout.
func TestAServerThatIsAway(t *testing.T) {
	srv := natstest.Start(t)
	name := newName()
	at, err := openLog(t, srv.Connect(t), name).Append(t.Context(), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	log := openLog(t, srv.Connect(t), name, natshub.WithTimeout(time.Second))
	srv.Stop()
	calls := map[string]func(context.Context) error{
		"Append": func(ctx context.Context) error { _, err := log.Append(ctx, []byte("x")); return err },
		"Read":   func(ctx context.Context) error { _, err := log.Read(ctx, at, all); return err },
		"Trim":   func(ctx context.Context) error { return log.Trim(ctx, at) },
		"Seek":   func(ctx context.Context) error { _, err := log.Seek(ctx, time.Now()); return err },
		"Size":   func(ctx context.Context) error { _, err := log.Size(ctx); return err },
	}
	for name, call := range calls {
		if err := call(t.Context()); !contains(err, "within 1s") {
			t.Errorf("%s returned %v, want an error of its timeout", name, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s returned %v, want the error of its context", name, err)
		}
		cancel()
	}
	changed := log.Watch()
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	case <-time.After(patience):
		t.Error("the watcher is not woken when the server is back")
	}
	log.Close()
	log.Close()
	if _, err := log.Bounds(t.Context()); !contains(err, "closed") {
		t.Errorf("Bounds of a closed log returned %v", err)
	}
	within(t, "the watcher of a closed log is woken", log.Watch())
}

func TestNamesOfLogs(t *testing.T) {
	js := jetStream(t, natstest.Start(t).Connect(t))
	for _, name := range []string{"", "a.b", "a b", "*", ">", "ä", "a/b", strings.Repeat("x", 201)} {
		if log, err := natshub.OpenLog(t.Context(), js, name); err == nil {
			log.Close()
			t.Errorf("OpenLog accepts the name %q", name)
		}
	}
	if _, err := natshub.OpenLog(t.Context(), js, "a", natshub.WithLogPrefix("a..b")); err == nil {
		t.Error("OpenLog accepts the prefix a..b")
	}
}
