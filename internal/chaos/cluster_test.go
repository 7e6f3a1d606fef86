//go:build linux

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/internal/chaos/faults"
	"github.com/grpcservice/grpcservice/internal/chaos/history"
	"github.com/grpcservice/grpcservice/internal/chaos/replica"
	"github.com/grpcservice/grpcservice/internal/freeport"
	"github.com/grpcservice/grpcservice/internal/pgtest"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

const (
	// replicas is the number of replicas.
	replicas = 3
	// diskBytes is the size of the file system of the database.
	diskBytes = 512 << 20
	// lease is that of operations: a fault that lasts longer makes other workers claim them.
	lease = 2 * time.Second
	// patience is how long a client waits for a response. It then tries another replica.
	patience = 5 * time.Second
)

// member is a replica with its proxy to the database, and clients of it.
type member struct {
	*faults.Process
	*faults.Proxy
	service    replica.Client
	operations operation.Client
}

// cluster is all that a test starts.
type cluster struct {
	t       *testing.T
	ctx     context.Context // ends when the test has taken too long
	dir     string          // for logs and histories
	rand    *rand.Rand      // for the faults
	history *history.Recorder

	pg      *pgtest.Server
	pool    *pgxpool.Pool // of the test, past all proxies
	clock   *faults.Clock // nil without libfaketime
	disk    *faults.Disk  // nil without root
	nats    *natsServer   // nil unless a test wants it
	members []*member

	offset time.Duration  // of the clock
	counts map[string]int // of faults
}

// options are what tests of a cluster differ in.
type options struct {
	stalls float64
	late   float64 // share of saves that arrive once more
	broken replica.Break
	nats   bool
	// most is how long the test may take: far more than it does on a busy machine.
	most time.Duration
}

// start starts a database and replicas, until the test ends.
func start(t *testing.T, o options) *cluster {
	t.Helper()
	if !long() {
		t.Parallel() // most of the time, the tests wait
	}
	c := &cluster{t: t, dir: directory(t), counts: map[string]int{}}
	ctx, cancel := context.WithTimeout(t.Context(), o.most)
	t.Cleanup(cancel)
	c.ctx = ctx
	seed := seedOf(t)
	c.rand = rand.New(rand.NewPCG(seed, uint64(len(t.Name()))))
	t.Logf("GRPCSERVICE_CHAOS_SEED=%d; logs and histories are in %s", seed, c.dir)

	c.startDatabase()
	if o.nats {
		c.startNATS()
	}
	url := c.prepare()
	var err error
	if c.history, err = history.Create(c.historyFile()); err != nil {
		t.Fatal(err)
	}
	for i := range replicas {
		c.startReplica(i, url, o)
	}
	return c
}

// must ends the test if there is an error.
func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) historyFile() string { return filepath.Join(c.dir, "history.jsonl") }

// directory returns a directory for logs and histories. It stays if the test fails.
func directory(t *testing.T) string {
	t.Helper()
	parent := os.Getenv("GRPCSERVICE_CHAOS_DIR")
	dir, err := os.MkdirTemp(parent, "chaos-"+strings.ReplaceAll(t.Name(), "/", "-")+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if parent == "" && !t.Failed() {
			os.RemoveAll(dir)
		}
	})
	return dir
}

// startDatabase starts PostgreSQL on a disk and with a clock of its own, where that is possible.
func (c *cluster) startDatabase() {
	dir, err := os.MkdirTemp("", "pg") // short, because of the socket
	c.must(err)
	c.t.Cleanup(func() { os.RemoveAll(dir) })
	settings := []string{"max_connections=200", "max_wal_size=64MB", "min_wal_size=32MB",
		"shared_buffers=32MB"}
	opts := []pgtest.Option{pgtest.WithDirectory(filepath.Join(dir, "db")),
		pgtest.WithSettings(settings...)}
	if c.disk, err = faults.MountDisk(dir, diskBytes); err != nil {
		c.t.Logf("the disk does not become full: %v", err) // containers may not mount, even as root
	} else {
		c.t.Cleanup(func() { c.disk.Close() })
	}
	if c.clock, err = faults.NewClock(c.dir); err != nil {
		c.t.Logf("the clock of the database does not jump: %v", err)
		if os.Getenv("CI") == "true" {
			c.t.Error(err)
		}
	} else {
		c.must(os.Chmod(c.dir, 0o755)) // PostgreSQL runs as another user
		opts = append(opts, pgtest.WithEnv(c.clock.Env()...))
	}
	c.pg = pgtest.Start(c.t, opts...)
}

// natsServer is a NATS server in a process.
type natsServer struct {
	*faults.Process
	url string
}

// startNATS starts a NATS server.
func (c *cluster) startNATS() {
	port := freeport.Get()
	dir := filepath.Join(c.dir, "nats")
	process, err := faults.StartProcess("nats", c.program(), filepath.Join(c.dir, "nats.log"),
		func(int) []string {
			return []string{natsDir + "=" + dir, fmt.Sprintf("%s=%d", natsPort, port)}
		})
	c.must(err)
	c.t.Cleanup(func() { c.ended(process) })
	c.nats = &natsServer{process, fmt.Sprintf("nats://127.0.0.1:%d", port)}
}

// natsURL returns the URL of the NATS server, or "".
func (c *cluster) natsURL() string {
	if c.nats == nil {
		return ""
	}
	return c.nats.url
}

// program returns the program of this test.
func (c *cluster) program() string {
	program, err := os.Executable()
	c.must(err)
	return program
}

// ended ends a process, and fails the test if it had ended by itself.
func (c *cluster) ended(process *faults.Process) {
	if err := process.Close(); err != nil {
		c.t.Error(err)
	}
}

// prepare creates a database with all tables, and returns its URL.
func (c *cluster) prepare() string {
	url := c.pg.Database(c.t)
	pool, err := pgxpool.New(c.ctx, url)
	c.must(err)
	c.t.Cleanup(pool.Close)
	c.pool = pool
	c.must(pgstore.Migrate(c.ctx, pool))
	for _, sql := range []string{replica.Tables, audit} {
		_, err := pool.Exec(c.ctx, sql)
		c.must(err)
	}
	return url
}

// startReplica starts a replica that reaches the database through a proxy.
func (c *cluster) startReplica(i int, url string, o options) {
	proxy, err := faults.NewProxy(fmt.Sprintf("127.0.0.1:%d", c.pg.Port))
	c.must(err)
	c.t.Cleanup(proxy.Close)
	name := fmt.Sprintf("replica%d", i)
	config := replica.Config{
		Database: strings.Replace(url, fmt.Sprint(":", c.pg.Port), fmt.Sprint(":", proxy.Port()),
			1),
		StaleLog: c.staleLog(i), NATS: c.natsURL(), Lease: lease, Stalls: o.stalls, Late: o.late,
		Break: o.broken,
	}
	process, err := faults.StartProcess(name, c.program(), filepath.Join(c.dir, name+".log"),
		func(incarnation int) []string {
			config := config
			config.Writer = fmt.Sprintf("%s.%d", name, incarnation)
			return config.Env()
		})
	c.must(err)
	c.t.Cleanup(func() { c.ended(process) })
	conn, err := client.Dial("static:///"+process.Addr(), client.WithInsecure())
	c.must(err)
	c.t.Cleanup(func() { conn.Close() })
	c.members = append(c.members, &member{process, proxy, replica.NewClient(conn),
		operation.NewClient(conn)})
}

func (c *cluster) staleLog(i int) string {
	return filepath.Join(c.dir, fmt.Sprintf("stale%d.jsonl", i))
}

// any returns a random replica for a call.
func (c *cluster) any() *member { return c.members[rand.IntN(len(c.members))] }

// seedOf returns the seed of the faults.
func seedOf(t *testing.T) (seed uint64) {
	t.Helper()
	text := os.Getenv("GRPCSERVICE_CHAOS_SEED")
	if text == "" {
		return rand.Uint64()
	}
	if _, err := fmt.Sscan(text, &seed); err != nil {
		t.Fatalf("GRPCSERVICE_CHAOS_SEED=%q: %v", text, err)
	}
	return seed
}

// long reports whether the long form runs.
func long() bool { return os.Getenv("GRPCSERVICE_CHAOS") == "long" }
