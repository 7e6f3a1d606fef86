package faults

import (
	"fmt"
	"io"
	"net"
	"testing"
)

// TestLateBytes tests that what a client sent into a black hole reaches the server after the
// client has closed its connection.
func TestLateBytes(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	received := make(chan string, 1)
	go func() {
		conn, err := lis.Accept()
		if err != nil {
			received <- err.Error()
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "hello")
		text, _ := io.ReadAll(conn)
		received <- string(text)
	}()
	proxy, err := NewProxy(lis.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	client, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", proxy.Port()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, make([]byte, len("hello"))); err != nil { // it is connected
		t.Fatal(err)
	}
	proxy.Blackhole(true)
	fmt.Fprint(client, "late")
	client.Close()
	select {
	case text := <-received:
		t.Fatalf("the server received %q through a black hole", text)
	default:
	}
	proxy.Blackhole(false)
	if text := <-received; text != "late" {
		t.Errorf("the server received %q, want late", text)
	}
}

// TestReset tests that a reset cuts a connection in use.
func TestReset(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	proxy, err := NewProxy(lis.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	client, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", proxy.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := lis.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	fmt.Fprint(server, "hello")
	if _, err := io.ReadFull(client, make([]byte, len("hello"))); err != nil {
		t.Fatal(err)
	}
	proxy.Reset()
	for name, conn := range map[string]net.Conn{"client": client, "server": server} {
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("the %s read %d bytes, want an error", name, n)
		}
	}
}
