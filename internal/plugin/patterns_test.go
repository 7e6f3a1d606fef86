package plugin_test

import (
	"strings"
	"testing"
	"text/template"
)

// patternTests is the package that writePatternTests writes, as an argument of the go command.
const patternTests = "./run"

// writePatternTests writes tests of helpers. The golden cases that it uses have the same service in
// every syntax and at every API level.
func writePatternTests(t *testing.T, module goModule) {
	files := map[string]string{"run/messages_test.go": patternMessages}
	for _, level := range []string{"open", "hybrid", "opaque"} {
		for _, syntax := range []string{"proto2", "proto3", "edition2023", "edition2024"} {
			var text strings.Builder
			data := map[string]string{"Level": level, "Syntax": syntax, "Service": capitalize(syntax), "Name": capitalize(level) + capitalize(syntax)}
			if err := template.Must(template.New("").Parse(patternTest)).Execute(&text, data); err != nil {
				t.Fatal(err)
			}
			files["run/"+level+"_"+syntax+"_test.go"] = text.String()
			text.Reset()
			if err := template.Must(template.New("").Parse(streamTest)).Execute(&text, data); err != nil {
				t.Fatal(err)
			}
			files["run/stream_"+level+"_"+syntax+"_test.go"] = text.String()
		}
	}
	writeTree(t, module.dir, files)
}

func capitalize(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// patternMessages is the code that creates messages at any API level.
const patternMessages = `package run

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

type message[M any] interface {
	*M
	proto.Message
}

// parse returns a message of type M.
func parse[M any, P message[M]](text string) *M {
	m := new(M)
	if err := prototext.Unmarshal([]byte(text), P(m)); err != nil {
		panic(err)
	}
	return m
}

// check compares how things print.
func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
`

const patternTest = `package run

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	pb "example.com/pattern_{{.Level}}/{{.Syntax}}"
	svc "example.com/pattern_{{.Level}}/{{.Syntax}}/{{.Syntax}}service"
	svctest "example.com/pattern_{{.Level}}/{{.Syntax}}/{{.Syntax}}servicetest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/page"
)

type users{{.Name}} struct {
	svc.Unimplemented{{.Service}}
	ops *operation.Manager
}

func user{{.Name}}(id int32) *pb.User { return parse[pb.User](fmt.Sprintf("id: %d", id)) }

func all{{.Name}}() (users []*pb.User) {
	for id := range int32(5) {
		users = append(users, user{{.Name}}(id+1))
	}
	return users
}

func (u *users{{.Name}}) ListUsers(ctx context.Context, req *pb.ListUsersRequest) (*pb.ListUsersResponse, error) {
	return svc.{{.Service}}ListUsers.Serve(ctx, req, page.Slice(all{{.Name}}()), page.WithTotal(func(context.Context) (int64, error) { return 5, nil }))
}

func (u *users{{.Name}}) ListPaged(ctx context.Context, req *pb.ListPagedRequest) (*pb.ListPagedResponse, error) {
	return svc.{{.Service}}ListPaged.Serve(ctx, req, page.Slice(all{{.Name}}()))
}

func (u *users{{.Name}}) BatchGetUsers(ctx context.Context, req *pb.BatchGetUsersRequest) (*pb.BatchGetUsersResponse, error) {
	return svc.{{.Service}}BatchGetUsers.Load(ctx, req, func(_ context.Context, ids []int32) (map[int32]*pb.User, error) {
		found := make(map[int32]*pb.User)
		for _, id := range ids {
			if id < 100 {
				found[id] = user{{.Name}}(id)
			}
		}
		return found, nil
	})
}

func (u *users{{.Name}}) BatchReadUsers(ctx context.Context, req *pb.BatchReadUsersRequest) (*pb.BatchReadUsersResponse, error) {
	return svc.{{.Service}}BatchReadUsers.Each(ctx, req, func(_ context.Context, req *pb.GetUserRequest) (*pb.User, error) {
		if req.GetId() >= 100 {
			return nil, status.Error(codes.NotFound, "no such user")
		}
		return user{{.Name}}(req.GetId()), nil
	})
}

func (u *users{{.Name}}) Start(ctx context.Context, req *pb.StartRequest) (*pb.Operation, error) {
	return svc.{{.Service}}Start.Start(ctx, u.ops, req)
}

func (u *users{{.Name}}) GetOperation(ctx context.Context, req *pb.GetOperationRequest) (*pb.Operation, error) {
	return svc.{{.Service}}GetOperation.Serve(ctx, u.ops, req)
}

func Test{{.Name}}(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ops := operation.NewManager(operation.Memory())
	svc.{{.Service}}Start.Handle(ops, func(context.Context, *operation.Run[pb.StartRequest, anypb.Any]) (*pb.User, error) {
		return user{{.Name}}(7), nil
	})
	done := make(chan error, 1)
	go func() { done <- ops.Run(ctx) }()
	defer func() { cancel(); <-done }()
	client := svctest.Serve{{.Service}}(t, &users{{.Name}}{ops: ops})

	var ids []int32
	for user, err := range svc.{{.Service}}ListUsers.All(ctx, client, parse[pb.ListUsersRequest]("page_size: 2")) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, user.GetId())
	}
	check(t, "ListUsers", ids, []int32{1, 2, 3, 4, 5})
	ids = nil
	for user, err := range svc.{{.Service}}ListPaged.All(ctx, client, parse[pb.ListPagedRequest]("paging {page_size: 3}")) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, user.GetId())
	}
	check(t, "ListPaged", ids, []int32{1, 2, 3, 4, 5})

	got, err := svc.{{.Service}}BatchGetUsers.Split(ctx, client, parse[pb.BatchGetUsersRequest]("user_ids: [1, 100, 2]"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "BatchGetUsers", []any{len(got.GetUsers()), got.GetUsers()[2].GetId(), got.GetNotFound()}, []any{2, 2, []int32{100}})
	read, err := svc.{{.Service}}BatchReadUsers.Split(ctx, client, parse[pb.BatchReadUsersRequest]("requests {id: 1} requests {id: 100}"))
	if err != nil || len(read.GetResults()) != 2 {
		t.Fatal(read, err)
	}
	check(t, "BatchReadUsers", []any{read.GetResults()[0].GetUser().GetId(), read.GetResults()[1].GetError().GetCode()}, []any{1, 5})

	op, err := svc.{{.Service}}Start.Call(ctx, client, svc.{{.Service}}GetOperation.Client(client), parse[pb.StartRequest](""))
	if err != nil {
		t.Fatal(err)
	}
	result, err := op.Wait(ctx, operation.WithInterval(1e7))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "Start", result.GetId(), 7)
}
`

// streamTest is a test that calls a method of each stream pattern through its helper.
const streamTest = `package run

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "example.com/stream_{{.Level}}/{{.Syntax}}"
	svc "example.com/stream_{{.Level}}/{{.Syntax}}/{{.Syntax}}service"
	svctest "example.com/stream_{{.Level}}/{{.Syntax}}/{{.Syntax}}servicetest"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/stream"
	"github.com/grpcservice/grpcservice/runtime/subscription"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

type streams{{.Name}} struct {
	svc.Unimplemented{{.Service}}
	events  *eventlog.Log[pb.Event]
	changes *eventlog.Log[pb.Change]
	lines   *eventlog.Log[pb.Line]
	rooms   *hub.Hub[pb.Message]
}

func products{{.Name}}(yield func(*pb.Product, error) bool) {
	for _, name := range []string{"a", "b", "c"} {
		if !yield(parse[pb.Product]("name: '" + name + "'"), nil) {
			return
		}
	}
}

func (s *streams{{.Name}}) SearchProducts(ctx context.Context, req *pb.SearchRequest) runtime.Stream[pb.Product] {
	return svc.{{.Service}}SearchProducts.Serve(ctx, req, products{{.Name}})
}

func (s *streams{{.Name}}) StreamProducts(ctx context.Context, req *pb.SearchRequest) runtime.Stream[pb.Products] {
	return svc.{{.Service}}StreamProducts.Serve(ctx, req, products{{.Name}})
}

func (s *streams{{.Name}}) Find(ctx context.Context, req *pb.FindRequest) runtime.Stream[pb.FindResponse] {
	return svc.{{.Service}}Find.Serve(ctx, req, products{{.Name}})
}

func (s *streams{{.Name}}) Subscribe(ctx context.Context, req *pb.SubscribeRequest) runtime.Stream[pb.Event] {
	return svc.{{.Service}}Subscribe.Serve(ctx, req, s.events)
}

func (s *streams{{.Name}}) Watch(ctx context.Context, req *pb.WatchRequest) runtime.Stream[pb.Change] {
	return svc.{{.Service}}Watch.Serve(ctx, req, s.changes)
}

func (s *streams{{.Name}}) TailLogs(ctx context.Context, req *pb.TailRequest) runtime.Stream[pb.Line] {
	return svc.{{.Service}}TailLogs.Serve(ctx, req, s.lines)
}

func (s *streams{{.Name}}) UploadImages(ctx context.Context, reqs runtime.Stream[pb.ImageChunk]) (*pb.Summary, error) {
	total := parse[pb.Summary]("")
	for file, err := range svc.{{.Service}}UploadImages.Files(ctx, reqs) {
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(file)
		if err != nil {
			return nil, err
		}
		total = count{{.Name}}(total, len(content))
	}
	return total, nil
}

func (s *streams{{.Name}}) UploadVideo(ctx context.Context, reqs runtime.Stream[pb.VideoChunk]) (*pb.Summary, error) {
	total := parse[pb.Summary]("")
	for file, err := range svc.{{.Service}}UploadVideo.Files(ctx, reqs) {
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(file)
		if err != nil {
			return nil, err
		}
		total = count{{.Name}}(total, len(content))
	}
	return total, nil
}

func count{{.Name}}(total *pb.Summary, bytes int) *pb.Summary {
	return parse[pb.Summary](fmt.Sprintf("count: %d bytes: %d", total.GetCount()+1, total.GetBytes()+int64(bytes)))
}

func (s *streams{{.Name}}) CreateUsers(ctx context.Context, reqs runtime.Stream[pb.User]) (*pb.Summary, error) {
	result, err := svc.{{.Service}}CreateUsers.Each(ctx, reqs, func(_ context.Context, user *pb.User) error {
		if user.GetName() == "" {
			return status.Error(codes.InvalidArgument, "no name")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return parse[pb.Summary](fmt.Sprintf("count: %d bytes: %d", result.Succeeded, len(result.Failures))), nil
}

func (s *streams{{.Name}}) Converse(ctx context.Context, reqs runtime.Stream[pb.ConverseRequest]) runtime.Stream[pb.Text] {
	return svc.{{.Service}}Converse.Serve(ctx, reqs, func(_ context.Context, config *pb.Config, reqs runtime.Stream[pb.ConverseRequest], send func(*pb.Text) error) error {
		for req, err := range reqs {
			if err != nil {
				return err
			}
			if err := send(parse[pb.Text]("text: '" + config.GetLanguage() + string(req.GetAudio()) + "'")); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *streams{{.Name}}) Chat(ctx context.Context, reqs runtime.Stream[pb.Message]) runtime.Stream[pb.Message] {
	return svc.{{.Service}}Chat.Serve(ctx, reqs, s.rooms, hub.Handler[pb.Message, pb.Message]{EndWithRequests: true})
}

func TestStreams{{.Name}}(t *testing.T) {
	ctx := t.Context()
	s := &streams{{.Name}}{
		events: eventlog.New[pb.Event](eventlog.NewMemory()), changes: eventlog.New[pb.Change](eventlog.NewMemory()),
		lines: eventlog.New[pb.Line](eventlog.NewMemory()), rooms: hub.New[pb.Message](),
	}
	client := svctest.Serve{{.Service}}(t, s)

	var names string
	for product, err := range svc.{{.Service}}SearchProducts.All(ctx, client, parse[pb.SearchRequest]("limit: 2")) {
		if err != nil {
			t.Fatal(err)
		}
		names += product.GetName()
	}
	for product, err := range svc.{{.Service}}StreamProducts.All(ctx, client, parse[pb.SearchRequest]("limit: 1")) {
		if err != nil {
			t.Fatal(err)
		}
		names += product.GetName()
	}
	for product, err := range svc.{{.Service}}Find.All(ctx, client, parse[pb.FindRequest]("paging {count: 2}")) {
		if err != nil {
			t.Fatal(err)
		}
		names += product.GetName()
	}
	check(t, "searches", names, "abaab")

	for id, kind := range []string{"x", "y", "x"} {
		text := fmt.Sprintf("id: %d type: '%s'", id+1, kind)
		if _, err := s.events.Append(ctx, parse[pb.Event](text)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.changes.Append(ctx, parse[pb.Change](fmt.Sprintf("id: %d", id+1))); err != nil {
			t.Fatal(err)
		}
		if _, err := s.lines.Append(ctx, parse[pb.Line](fmt.Sprintf("level: LEVEL_INFO text: '%s%d'", kind, id))); err != nil {
			t.Fatal(err)
		}
	}
	var ids []int64
	var position string
	for event, err := range svc.{{.Service}}Subscribe.Resume(ctx, client, parse[pb.SubscribeRequest]("since {seconds: 1} event_types: 'x'")) {
		if err != nil {
			t.Fatal(err)
		}
		if ids, position = append(ids, event.GetId()), event.GetNextPosition(); len(ids) == 1 {
			break
		}
	}
	for event, err := range svc.{{.Service}}Subscribe.Resume(ctx, client, parse[pb.SubscribeRequest]("event_types: 'x'"), subscription.WithPosition(position)) {
		if err != nil {
			t.Fatal(err)
		}
		if ids = append(ids, event.GetId()); len(ids) == 2 {
			break
		}
	}
	check(t, "Subscribe", ids, []int64{1, 3})
	live, cancel := context.WithCancel(ctx)
	defer cancel()
	for line, err := range client.TailLogs(live, parse[pb.TailRequest]("lines: 1 min_level: LEVEL_INFO")) {
		if err != nil {
			t.Fatal(err)
		}
		check(t, "TailLogs", line.GetText(), "x2")
		break
	}
	appended := make(chan struct{})
	go func() { // until the call, which starts at the end of the log, has one
		defer close(appended)
		for live.Err() == nil {
			_, _ = s.changes.Append(live, parse[pb.Change]("id: 4"))
			time.Sleep(time.Millisecond)
		}
	}()
	for change, err := range svc.{{.Service}}Watch.Resume(live, client, parse[pb.WatchRequest]("")) {
		if err != nil {
			t.Fatal(err)
		}
		check(t, "Watch", []any{change.GetId(), len(change.GetEnd().GetCursor()) > 0}, []any{4, true})
		break
	}
	cancel()
	<-appended

	summary, err := svc.{{.Service}}UploadImages.Send(ctx, client, upload.Source[pb.ImageChunk]{Name: "a.png", Content: strings.NewReader("12345")}, upload.WithChunkBytes(2))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "UploadImages", []any{summary.GetCount(), summary.GetBytes()}, []any{1, 5})
	summary, err = svc.{{.Service}}UploadVideo.Send(ctx, client, upload.Source[pb.VideoHeader]{Name: "b.mp4", Content: strings.NewReader("123456")}, upload.WithChunkBytes(4))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "UploadVideo", []any{summary.GetCount(), summary.GetBytes()}, []any{1, 6})
	summary, err = client.CreateUsers(ctx, stream.Of(parse[pb.User]("name: 'a'"), parse[pb.User](""), parse[pb.User]("name: 'b'")))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "CreateUsers", []any{summary.GetCount(), summary.GetBytes()}, []any{2, 1})

	var texts []string
	for text, err := range client.Converse(ctx, stream.Of(parse[pb.ConverseRequest]("config {language: 'en'}"), parse[pb.ConverseRequest]("audio: '1'"), parse[pb.ConverseRequest]("audio: '2'"))) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text.GetText())
	}
	for _, err := range client.Converse(ctx, stream.Of(parse[pb.ConverseRequest]("audio: '1'"))) {
		check(t, "the code of a call without a handshake", status.Code(err), codes.InvalidArgument)
	}
	for message, err := range client.Chat(ctx, stream.Of(parse[pb.Message]("room_id: 'r' text: 'hi'"))) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, message.GetText())
	}
	check(t, "Converse and Chat", texts, []string{"en1", "en2", "hi"})
}
`
