package natstest_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/eventlog/storetest"
	"github.com/grpcservice/grpcservice/runtime/natshub"
	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
)

var names atomic.Int64

// newName returns a name of a log that no other test has.
func newName() string { return fmt.Sprintf("log-%d", names.Add(1)) }

func jetStream(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func openLog(t *testing.T, nc *nats.Conn, name string, opts ...natshub.LogOption) *natshub.Log {
	t.Helper()
	log, err := natshub.OpenLog(t.Context(), jetStream(t, nc), name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	return log
}

func TestLog(t *testing.T) {
	server := natstest.Start(t)
	storetest.Run(t, func(t *testing.T) eventlog.Store {
		return openLog(t, server.Connect(t), newName())
	})
}

func TestLogInMemory(t *testing.T) {
	server := natstest.Start(t)
	storetest.Run(t, func(t *testing.T) eventlog.Store {
		return openLog(t, server.Connect(t), newName(),
			natshub.WithMemoryStorage(), natshub.WithMaxBytes(16<<20))
	})
}

func TestLogInACluster(t *testing.T) {
	servers := natstest.StartCluster(t, 3)
	storetest.Run(t, func(t *testing.T) eventlog.Store {
		return openLog(t, servers[2].Connect(t), newName(), natshub.WithReplicas(3))
	})
}
