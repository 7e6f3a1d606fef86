package natstest_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
)

func TestARestartKeepsPortAndStreams(t *testing.T) {
	server := natstest.Start(t)
	nc := server.Connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	config := jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}
	if _, err := js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	url := server.URL()
	server.Stop()
	server.Stop()
	if _, err := nats.Connect(url); err == nil {
		t.Fatal("a stopped server accepts connections")
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if server.URL() != url {
		t.Fatalf("the URL is %s, and was %s", server.URL(), url)
	}
	again := server.Connect(t)
	if js, err = jetstream.New(again); err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := stream.GetMsg(t.Context(), 1); err != nil || string(msg.Data) != "kept" {
		t.Fatalf("GetMsg returned %v, %v", msg, err)
	}
}

func TestAPortInUseIsAnError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	port := listener.Addr().(*net.TCPAddr).Port
	_, err = natstest.Run(filepath.Join(t.TempDir(), "nats"), natstest.WithPort(port))
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("Run returned %v, want an error about the port", err)
	}
}
