package natstest_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
)

func TestAClusterReplicatesStreams(t *testing.T) {
	servers := natstest.StartCluster(t, 3)
	js, err := jetstream.New(servers[0].Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	config := jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3}
	if _, err := js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s", nil); err != nil {
		t.Fatal(err)
	}
}
