package endpointslice_test

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/endpointslice"
	"github.com/grpcservice/grpcservice/runtime/endpointslice/apiservertest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/internal/fleet"
)

// TestMain lets the tests start servers as processes.
func TestMain(m *testing.M) { fleet.Main(m) }

// pods are server processes with a slice each, as their ports differ.
type pods struct {
	t *testing.T
	s *apiservertest.Server
}

func (p pods) put(server *fleet.Server, conditions apiservertest.Conditions) {
	p.t.Helper()
	host, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		p.t.Fatal(err)
	}
	slice := slice(server.Name, "IPv4", pod(server.Name, host, conditions))
	slice.Ports[0].Port, _ = strconv.Atoi(port)
	p.s.Put(slice)
}

// TestFleet changes the pods of a service, and breaks the API server, while 50 calls run.
func TestFleet(t *testing.T) {
	s := start(t)
	p := pods{t, s}
	one, two, three := fleet.Start(t, "one"), fleet.Start(t, "two"), fleet.Start(t, "three")
	p.put(one, ready)
	p.put(two, ready)
	conn, err := client.Dial(booksTarget, client.WithInsecure(),
		client.WithResolvers(endpointslice.NewResolver(options(s)...)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	load := fleet.Call(t, conn, echotest.Table)
	if !load.Answers(one.Name, patience) || !load.Answers(two.Name, patience) {
		t.Fatal("no response of the first servers")
	}
	check := func(what string, most int, do func()) {
		t.Helper()
		r := load.During(do)
		t.Logf("%s: %v", what, r)
		if r.Failures() > most {
			t.Errorf("%s: want at most %d failures", what, most)
		}
	}
	check("added", 0, func() {
		p.put(three, ready)
		if !load.Answers(three.Name, patience) {
			t.Error("no call reached the new pod")
		}
	})
	check("terminated", 0, func() {
		p.put(one, draining)
		one.Drain(t)
		s.Delete("shop", one.Name)
	})
	check("the API server stops, and restarts", 0, func() {
		s.Stop()
		time.Sleep(time.Second)
		s.Restart()
	})
	check("the API server rejects the client", 0, func() {
		s.Forbid("list", "watch")
		s.CutWatches()
		time.Sleep(time.Second)
		s.Forbid()
	})
	four := fleet.Start(t, "four")
	check("added afterwards", 0, func() {
		p.put(four, ready)
		if !load.Answers(four.Name, patience) {
			t.Error("no call reached the new pod")
		}
	})
	check("all terminate, and serve", 0, func() {
		for _, server := range []*fleet.Server{two, three, four} {
			p.put(server, draining)
		}
		if !load.Answers(two.Name, patience) {
			t.Error("no call reached a pod that still serves")
		}
	})
	check("killed", fleet.Concurrent, func() {
		p.put(two, ready)
		p.put(three, ready)
		if !load.Answers(three.Name, patience) {
			t.Error("no call reached a pod that is ready again")
		}
		three.Kill()
		p.put(three, dying)
		load.Settle()
	})
	check("left", 0, func() {
		if !load.Answers(two.Name, patience) {
			t.Error("no response of the pod that is left")
		}
	})
}
