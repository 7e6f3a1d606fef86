package web_test

import (
	"context"
	"errors"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestMetadata checks headers, trailers and binary metadata in both directions.
func TestMetadata(t *testing.T) {
	impl := echotest.Behaving(func(ctx context.Context) error {
		md, _ := metadata.FromIncomingContext(ctx)
		got := metadata.MD{}
		for _, name := range []string{"plain", "data-bin", "authorization"} {
			got["got-"+name] = md.Get(name)
		}
		if method, ok := grpc.Method(ctx); !ok || !strings.HasPrefix(method, "/test.v1.Echo/") {
			return errors.New("no method")
		}
		if err := grpc.SetTrailer(ctx, metadata.Join(got, metadata.Pairs("end-bin", "\x00\xff", "end", "1", "end", "2"))); err != nil {
			return err
		}
		return grpc.SetHeader(ctx, metadata.Pairs("start", "1", "start-bin", "\x00\xff", "grpc-status", "13", "connection", "x", "content-length", "3"))
	})
	r := serve(t, impl, config{})
	for _, p := range protocols {
		client := r.clientOf(t, p)
		for kind, call := range kinds {
			if kind == "Chat" && !p.two {
				continue
			}
			ctx, info := connect.NewClientContext(echotest.Context(t))
			for name, values := range map[string][]string{
				"Plain": {"a", "b"}, "Data-Bin": {connect.EncodeBinaryHeader([]byte("\x00\xfe"))}, "Authorization": {"Bearer x"},
			} {
				info.RequestHeader().SetValues(name, values)
			}
			if _, err := call(ctx, client); err != nil {
				t.Errorf("%s over %s: %v", kind, p.name, err)
				continue
			}
			for name, want := range map[string]string{"Start": "1", "Start-Bin": "AP8"} {
				if got := info.ResponseHeader().Get(name); got != want {
					t.Errorf("%s over %s: the header %s is %q, want %q", kind, p.name, name, got, want)
				}
			}
			for name, want := range map[string]string{
				"End": "1, 2", "End-Bin": "AP8", "Got-Plain": "a, b", "Got-Data-Bin": "AP4", "Got-Authorization": "Bearer x",
			} {
				if got := strings.Join(info.ResponseTrailer().Values(name), ", "); got != want {
					t.Errorf("%s over %s: the trailer %s is %q, want %q", kind, p.name, name, got, want)
				}
			}
		}
	}
}

// TestCancellation checks that the context of a method ends when its client goes away, for each kind
// over each protocol.
func TestCancellation(t *testing.T) {
	started, ended := make(chan struct{}, 1), make(chan error, 1)
	r := serve(t, echotest.Behaving(func(ctx context.Context) error {
		started <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}), config{options: []server.Option{server.WithDefaultTimeout(0)}})
	for _, p := range protocols {
		client := r.clientOf(t, p)
		for kind, call := range kinds {
			if kind == "Chat" && !p.two {
				continue
			}
			ctx, cancel := context.WithCancel(echotest.Context(t))
			done := make(chan error, 1)
			go func() {
				_, err := call(ctx, client)
				done <- err
			}()
			echotest.Within(t, started)
			cancel()
			if err := echotest.Within(t, ended); err != context.Canceled {
				t.Errorf("%s over %s: the method sees %v, want it canceled", kind, p.name, err)
			}
			if err := echotest.Within(t, done); status.Code(err) != codes.Canceled {
				t.Errorf("%s over %s: %v", kind, p.name, err)
			}
		}
	}
}

// TestDeadlines checks that a method has the deadline of its client, and that its call ends with it.
func TestDeadlines(t *testing.T) {
	r := serve(t, echotest.Behaving(func(ctx context.Context) error {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > time.Hour || left < 30*time.Minute {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}), config{options: []server.Option{server.WithDefaultTimeout(0)}})
	for _, p := range protocols {
		client := r.clientOf(t, p)
		for kind, call := range kinds {
			if kind == "Chat" && !p.two {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			if _, err := call(ctx, client); err != nil {
				t.Errorf("%s over %s: %v", kind, p.name, err)
			}
			cancel()
		}
	}
	if resp, body := r.post(t, one, "application/json", `"a"`, "Connect-Timeout-Ms", "20"); resp.StatusCode != 504 ||
		!strings.Contains(body, "deadline_exceeded") {
		t.Errorf("%s %s", resp.Status, body)
	}
	if resp, _ := r.post(t, one, "application/grpc-web", envelope(0, 0, nil), "Grpc-Timeout", "20m"); resp.Header.Get("Grpc-Status") != "4" {
		t.Error(resp.Header)
	}
}

// TestGoexit checks a method that ends its goroutine, which is the one that serves the request. It
// takes the response with it: its caller finds the connection closed over HTTP/1.1, and the stream
// reset over HTTP/2. The shutdown does not wait for it.
func TestGoexit(t *testing.T) {
	log := new(echotest.Records)
	r := serve(t, echotest.Behaving(func(context.Context) error {
		goruntime.Goexit()
		return nil
	}), config{log: log})
	for _, p := range protocols {
		_, err := kinds["One"](echotest.Context(t), r.clientOf(t, p))
		want := codes.Unavailable
		if p.two {
			want = codes.Internal
		}
		if status.Code(err) != want {
			t.Errorf("%s: %v, want %v", p.name, err, want)
		}
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	for _, record := range log.Named(t, "rpc") {
		if record["code"] != "Internal" {
			t.Error(record)
		}
	}
}
