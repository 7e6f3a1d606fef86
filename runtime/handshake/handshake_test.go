package handshake_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	proto3v1 "github.com/grpcservice/grpcservice/internal/e2e/gen/matrix/proto3/v1"
	uploadv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/handshake"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

type (
	request  = uploadv1.UploadVideoRequest
	header   = uploadv1.VideoHeader
	response = uploadv1.UploadSummary
)

// videoService is what is generated for a service with a handshake.
type videoService interface {
	Transcode(context.Context, runtime.Stream[request]) runtime.Stream[response]
}

var (
	videoTable = runtime.NewService("upload.v1.TranscodeService", uploadv1.File_upload_v1_upload_proto,
		runtime.Bidi("Transcode", videoService.Transcode, runtime.Policy{Auth: &runtime.Auth{Public: true}}))
	transcode = handshake.Of(videoTable.Methods()[0], videoService.Transcode, (*request).GetHeader, handshake.Fields{Arm: "header"})
)

// converse is what a service does after the handshake.
type converse func(ctx context.Context, config *header, reqs runtime.Stream[request], send func(*response) error) error

// transcoder implements videoService.
type transcoder struct {
	do   converse
	opts []handshake.Option
}

func (s transcoder) Transcode(ctx context.Context, reqs runtime.Stream[request]) runtime.Stream[response] {
	return transcode.Serve(ctx, reqs, s.do, s.opts...)
}

// videoClient is what is generated for the client.
type videoClient struct{ row *client.Method }

func (c videoClient) Transcode(ctx context.Context, reqs runtime.Stream[request]) runtime.Stream[response] {
	return client.Bidi[response](ctx, c.row, reqs)
}

func connect(t *testing.T, s transcoder) videoClient {
	t.Helper()
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[videoService](r, videoTable, s) })
	return videoClient{client.Bind(conn, videoTable.Methods()[0])}
}

// both returns s itself and its client.
func both(t *testing.T, s transcoder) map[string]videoService {
	return map[string]videoService{"in process": s, "over the network": connect(t, s)}
}

func hello(name string) *request {
	return &request{Part: &uploadv1.UploadVideoRequest_Header{Header: headerOf(name)}}
}

func headerOf(name string) *header { return &header{Name: name} }

func data(text string) *request {
	return &request{Part: &uploadv1.UploadVideoRequest_Data{Data: []byte(text)}}
}

func named(names ...string) *response { return &response{Names: names} }

// echo answers each request with its data, and the name of the configuration.
func echo(_ context.Context, config *header, reqs runtime.Stream[request], send func(*response) error) error {
	for req, err := range reqs {
		if err != nil {
			return err
		}
		if err := send(named(config.GetName(), string(req.GetData()))); err != nil {
			return err
		}
	}
	return nil
}

// textOf returns the names of all responses, and the error they end with.
func textOf(s runtime.Stream[response]) (string, error) {
	msgs, err := stream.Collect(s)
	var all []string
	for _, msg := range msgs {
		all = append(all, strings.Join(msg.GetNames(), ":"))
	}
	return strings.Join(all, " "), err
}

func TestHandshakes(t *testing.T) {
	for name, test := range map[string]struct {
		reqs   []*request
		want   string
		code   codes.Code
		reason rpcerr.Reason
	}{
		"a conversation":                     {[]*request{hello("en"), data("a"), data("b")}, "en:a en:b", codes.OK, ""},
		"a handshake alone":                  {[]*request{hello("en")}, "", codes.OK, ""},
		"an empty configuration":             {[]*request{hello(""), data("a")}, ":a", codes.OK, ""},
		"no request":                         {nil, "", codes.InvalidArgument, handshake.ReasonMissing},
		"a message before the handshake":     {[]*request{data("a"), hello("en")}, "", codes.InvalidArgument, handshake.ReasonMissing},
		"an empty message":                   {[]*request{new(request)}, "", codes.InvalidArgument, handshake.ReasonMissing},
		"a second handshake":                 {[]*request{hello("en"), hello("fr")}, "", codes.InvalidArgument, handshake.ReasonRepeated},
		"a second handshake, after messages": {[]*request{hello("en"), data("a"), hello("fr")}, "en:a", codes.InvalidArgument, handshake.ReasonRepeated},
	} {
		for where, s := range both(t, transcoder{do: echo}) {
			got, err := textOf(s.Transcode(t.Context(), stream.Of(test.reqs...)))
			if got != test.want || status.Code(err) != test.code || rpcerr.ReasonOf(err) != test.reason {
				t.Errorf("%s, %s: %q and %v, want %q and %v", name, where, got, err, test.want, test.code)
			}
			if violations := rpcerr.FieldViolations(err); test.code != codes.OK && (len(violations) != 1 || violations[0].Field != "header") {
				t.Errorf("%s, %s: violations %v", name, where, violations)
			}
		}
	}
}

// TestAnIgnoredErrorEndsTheStream checks that a function which returns nil does not make a stream
// look complete whose requests were not.
func TestAnIgnoredErrorEndsTheStream(t *testing.T) {
	careless := func(_ context.Context, _ *header, reqs runtime.Stream[request], _ func(*response) error) error {
		for range reqs {
		}
		return nil
	}
	for where, s := range both(t, transcoder{do: careless}) {
		if _, err := textOf(s.Transcode(t.Context(), stream.Of(hello("en"), hello("fr")))); rpcerr.ReasonOf(err) != handshake.ReasonRepeated {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// TestASilentClientIsNotWaitedFor holds when a call without a first request ends.
func TestASilentClientIsNotWaitedFor(t *testing.T) {
	for name, test := range map[string]struct {
		opts []handshake.Option
		want time.Duration
	}{
		"by default": {nil, policy.DefaultHandshakeTimeout},
		"an option":  {[]handshake.Option{handshake.WithTimeout(time.Minute)}, time.Minute},
		"no limit":   {[]handshake.Option{handshake.WithTimeout(0)}, time.Hour}, // of the call
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			start := time.Now()
			_, err := textOf(transcoder{echo, test.opts}.Transcode(ctx, stream.NewPipe[request](ctx).Stream()))
			took := time.Since(start)
			if status.Code(err) != codes.DeadlineExceeded || took != test.want ||
				(rpcerr.ReasonOf(err) == handshake.ReasonTimeout) != (test.want < time.Hour) {
				t.Errorf("%s: %v after %v, want %v", name, err, took, test.want)
			}
		})
	}
}

// TestAConversationMayTakeLonger checks that the timeout is of the handshake only.
func TestAConversationMayTakeLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reqs := func(yield func(*request, error) bool) {
			for _, req := range []*request{hello("en"), data("a"), data("b")} {
				time.Sleep(9 * time.Second)
				if !yield(req, nil) {
					return
				}
			}
		}
		if got, err := textOf(transcoder{do: echo}.Transcode(t.Context(), reqs)); got != "en:a en:b" || err != nil {
			t.Errorf("%q and %v", got, err)
		}
	})
}

// TestBothSidesTalkAtATime sends from one goroutine and reads in another.
func TestBothSidesTalkAtATime(t *testing.T) {
	servicetest.NoLeaks(t)
	busy := func(ctx context.Context, _ *header, reqs runtime.Stream[request], send func(*response) error) error {
		sent := make(chan error, 1)
		go func() {
			for i := range 100 {
				if err := send(named(fmt.Sprint(i))); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		n := 0
		for _, err := range reqs {
			if n++; err != nil {
				return err
			}
		}
		return errors.Join(<-sent, send(named(fmt.Sprint("read ", n))))
	}
	for where, s := range both(t, transcoder{do: busy}) {
		reqs := []*request{hello("en")}
		for range 100 {
			reqs = append(reqs, data("x"))
		}
		got, err := textOf(s.Transcode(t.Context(), stream.Of(reqs...)))
		if err != nil || !strings.HasSuffix(got, "98 99 read 100") {
			t.Errorf("%s: %q, %v", where, got, err)
		}
	}
}

// TestReadersThatStopLeaveNothing breaks after each response.
func TestReadersThatStopLeaveNothing(t *testing.T) {
	servicetest.NoLeaks(t)
	returned := make(chan struct{}, 1)
	endless := func(ctx context.Context, _ *header, _ runtime.Stream[request], send func(*response) error) error {
		defer func() { returned <- struct{}{} }()
		for {
			if err := send(named("more")); err != nil {
				return err
			}
		}
	}
	for where, s := range both(t, transcoder{do: endless}) {
		for at := range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			n := 0
			for range s.Transcode(ctx, stream.Of(hello("en"))) {
				if n++; n > at {
					break
				}
			}
			cancel()
			select {
			case <-returned:
			case <-time.After(20 * time.Second):
				t.Fatalf("%s: the function goes on after %d responses", where, at)
			}
		}
	}
}

func TestPanicsAreInternal(t *testing.T) {
	servicetest.NoLeaks(t)
	bad := func(context.Context, *header, runtime.Stream[request], func(*response) error) error { panic("boom") }
	for where, s := range both(t, transcoder{do: bad}) {
		if _, err := textOf(s.Transcode(t.Context(), stream.Of(hello("en")))); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "boom") {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// entering closes a channel when its method is called.
type entering struct {
	transcoder
	entered chan struct{}
}

func (e entering) Transcode(ctx context.Context, reqs runtime.Stream[request]) runtime.Stream[response] {
	close(e.entered)
	return e.transcoder.Transcode(ctx, reqs)
}

// TestADrainingServerDoesNotWait shuts a server down whose client is silent, before and after the
// handshake.
func TestADrainingServerDoesNotWait(t *testing.T) {
	for _, sent := range [][]*request{nil, {hello("en")}, {hello("en"), data("a")}} {
		srv := server.New(server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler)))
		entered := make(chan struct{})
		server.Register[videoService](srv, videoTable, entering{transcoder{do: echo}, entered})
		lis := bufconn.Listen(1 << 20)
		go func() { _ = srv.Serve(context.Background(), lis) }() // ends with the shutdown
		conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		reqs := func(yield func(*request, error) bool) {
			for _, req := range sent {
				if !yield(req, nil) {
					return
				}
			}
			<-entered // or the call may meet a server that is gone
			go func() { _ = srv.Shutdown(context.Background()) }()
			<-t.Context().Done() // of the test: the call ends before
		}
		start := time.Now()
		_, err = textOf(videoClient{client.Bind(conn, videoTable.Methods()[0])}.Transcode(t.Context(), stream.Until(reqs, t.Context().Done(), nil)))
		if status.Code(err) != codes.Unavailable || rpcerr.ReasonOf(err) != rpcerr.ReasonDraining || time.Since(start) > 8*time.Second {
			t.Errorf("%d requests: %v after %v", len(sent), err, time.Since(start))
		}
		conn.Close()
	}
}

func TestConverse(t *testing.T) {
	servicetest.NoLeaks(t)
	for where, s := range both(t, transcoder{do: echo}) {
		c, err := transcode.Converse(t.Context(), s, headerOf("en"))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"a", "b"} {
			if err := c.Send(data(text)); err != nil {
				t.Fatal(err)
			}
			if resp, err := c.Receive(); err != nil || !slices.Equal(resp.GetNames(), []string{"en", text}) {
				t.Errorf("%s: %v, %v", where, resp, err)
			}
		}
		c.CloseSend()
		if _, err := c.Receive(); err != io.EOF {
			t.Errorf("%s: %v", where, err)
		}
		c.Close()
	}
	if _, err := transcode.Converse(t.Context(), transcoder{do: echo}, nil); rpcerr.PublicStatus(err).Code() != codes.Internal {
		t.Errorf("without a configuration: %v", err)
	}
}

// TestScalarArms has a number for a configuration, in messages of the opaque API.
func TestScalarArms(t *testing.T) {
	type opaqueService interface {
		Bidi(context.Context, runtime.Stream[proto3v1.OpaqueResponse]) runtime.Stream[proto3v1.OpaqueResponse]
	}
	info := runtime.NewMethodInfo("a.B", "Bidi", runtime.KindBidi, runtime.Policy{})
	m := handshake.Of(info, opaqueService.Bidi, (*proto3v1.OpaqueResponse).GetCount, handshake.Fields{Arm: "count"})
	count, text := new(proto3v1.OpaqueResponse), new(proto3v1.OpaqueResponse)
	count.SetCount(0)
	text.SetText("a")
	for name, test := range map[string]struct {
		reqs   []*proto3v1.OpaqueResponse
		reason rpcerr.Reason
	}{
		"zero is a configuration": {[]*proto3v1.OpaqueResponse{count, text}, ""},
		"none":                    {[]*proto3v1.OpaqueResponse{text}, handshake.ReasonMissing},
		"two":                     {[]*proto3v1.OpaqueResponse{count, count}, handshake.ReasonRepeated},
	} {
		got, err := stream.Collect(m.Serve(t.Context(), stream.Of(test.reqs...),
			func(_ context.Context, config int32, reqs runtime.Stream[proto3v1.OpaqueResponse], send func(*proto3v1.OpaqueResponse) error) error {
				for req, err := range reqs {
					if err := errors.Join(err, send(req)); err != nil {
						return err
					}
				}
				return nil
			}))
		if rpcerr.ReasonOf(err) != test.reason || len(got) > 1 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestMisuse(t *testing.T) {
	info := videoTable.Methods()[0]
	for name, m := range map[string]*handshake.Method[videoService, request, response, *header]{
		"no such arm":      handshake.Of(info, videoService.Transcode, (*request).GetHeader, handshake.Fields{Arm: "config"}),
		"an arm of a type": handshake.Of(info, videoService.Transcode, (*request).GetHeader, handshake.Fields{Arm: "offset"}),
		"no arm":           handshake.Of(info, videoService.Transcode, (*request).GetHeader, handshake.Fields{}),
	} {
		if _, err := textOf(m.Serve(t.Context(), stream.Of(hello("en")), echo)); rpcerr.PublicStatus(err).Code() != codes.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := textOf(transcode.Serve(t.Context(), stream.Of(hello("en")), nil)); rpcerr.PublicStatus(err).Code() != codes.Internal {
		t.Errorf("no function: %v", err)
	}
}
