package validate_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/stream"
	"github.com/grpcservice/grpcservice/runtime/validate"
	shelfv1 "github.com/grpcservice/grpcservice/runtime/validate/internal/gen/shelf/v1"
	"github.com/grpcservice/grpcservice/runtime/validate/internal/gen/shelf/v1/shelfv1service"
	"github.com/grpcservice/grpcservice/runtime/validate/internal/gen/shelf/v1/shelfv1servicetest"
)

// shelf accepts every request that reaches it.
func shelf() shelfv1service.ShelfService {
	book := func(context.Context) (*shelfv1.Book, error) { return &shelfv1.Book{}, nil }
	return shelfv1servicetest.NewFakeShelfService(shelfv1servicetest.FakeShelfService{
		CreateBook: func(ctx context.Context, _ *shelfv1.CreateBookRequest) (*shelfv1.Book, error) { return book(ctx) },
		UpdateBook: func(ctx context.Context, _ *shelfv1.UpdateBookRequest) (*shelfv1.Book, error) { return book(ctx) },
		Free:       func(ctx context.Context, _ *shelfv1.FreeRequest) (*shelfv1.Book, error) { return book(ctx) },
		Watch: func(_ context.Context, req *shelfv1.Book) runtime.Stream[shelfv1.Book] {
			return stream.Of(req)
		},
		Load: func(_ context.Context, reqs runtime.Stream[shelfv1.Book]) (*shelfv1.Book, error) {
			for _, err := range reqs {
				if err != nil {
					return nil, err
				}
			}
			return &shelfv1.Book{}, nil
		},
		Talk: func(_ context.Context, reqs runtime.Stream[shelfv1.Book]) runtime.Stream[shelfv1.Book] {
			return reqs
		},
	})
}

// last returns the last error of a stream.
func last(responses runtime.Stream[shelfv1.Book]) (err error) {
	for _, err = range responses {
	}
	return err
}

// counting counts how many methods a validator was bound to, and how many it checks.
type counting struct {
	server.Validator
	bound, checked int
}

func (c *counting) Bind(info runtime.MethodInfo, request protoreflect.MessageDescriptor) (server.ValidateFunc, error) {
	c.bound++
	check, err := c.Validator.Bind(info, request)
	if check != nil {
		c.checked++
	}
	return check, err
}

func serve(t *testing.T, v server.Validator) shelfv1service.ShelfService {
	t.Helper()
	return shelfv1servicetest.ServeShelfService(t, shelf(), server.WithValidator(v))
}

// TestEachKindOfRPC calls a method of each kind with a valid and an invalid request; of streams the
// second one is invalid.
func TestEachKindOfRPC(t *testing.T) {
	v := &counting{Validator: validate.New()}
	client, ctx := serve(t, v), t.Context()
	valid := parse(t, &shelfv1.Book{}, good)
	invalid := parse(t, &shelfv1.Book{}, good+`tags: "a" tags: "a" first_page: 2`)
	calls := map[string]func(*shelfv1.Book) error{
		"unary": func(b *shelfv1.Book) error {
			_, err := client.CreateBook(ctx, &shelfv1.CreateBookRequest{Parent: "shelves/1", Book: b})
			return err
		},
		"server stream": func(b *shelfv1.Book) error { return last(client.Watch(ctx, b)) },
		"client stream": func(b *shelfv1.Book) error {
			_, err := client.Load(ctx, stream.Of(valid, b))
			return err
		},
		"bidi": func(b *shelfv1.Book) error { return last(client.Talk(ctx, stream.Of(valid, b))) },
	}
	for kind, call := range calls {
		if err := call(valid); err != nil {
			t.Errorf("%s: a valid request: %v", kind, err)
		}
		want := "tags repeated.unique"
		if kind == "unary" {
			want = "book." + want
		}
		if got := violations(t, call(invalid)); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
	if _, err := client.Free(ctx, &shelfv1.FreeRequest{}); err != nil {
		t.Error(err)
	}
	if v.bound != 5 || v.checked != 5 {
		t.Errorf("bound to %d methods, checks %d, want the 5 that have rules", v.bound, v.checked)
	}
}

// TestRequiredFieldsComeFirst checks that rules of buf.validate see only requests whose REQUIRED
// fields are set.
func TestRequiredFieldsComeFirst(t *testing.T) {
	_, err := serve(t, validate.New()).CreateBook(t.Context(), &shelfv1.CreateBookRequest{Parent: "x"})
	if got := violations(t, err); got != "book REQUIRED" {
		t.Errorf("got %q", got)
	}
}

// TestAServerWithRulesThatDoNotCompile checks that such a server does not start.
func TestAServerWithRulesThatDoNotCompile(t *testing.T) {
	broken := compiled(t, `message M { string a = 1 [(buf.validate.field).cel_expression = "x"]; }`)
	srv := server.New(server.WithoutAuthentication(), server.WithValidator(substitute{validate.New(), broken}))
	shelfv1service.RegisterShelfService(srv, shelf())
	err := srv.Run(t.Context(), "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "ShelfService/CreateBook: the rules of test.v1.M.a do not compile") {
		t.Errorf("Run returns %v", err)
	}
}

// substitute binds another message.
type substitute struct {
	*validate.Validator
	message protoreflect.MessageDescriptor
}

func (s substitute) Bind(info runtime.MethodInfo, _ protoreflect.MessageDescriptor) (server.ValidateFunc, error) {
	return s.Validator.Bind(info, s.message)
}

// TestManyCallsAtATime runs under the race detector.
func TestManyCallsAtATime(t *testing.T) {
	v := validate.New()
	client := serve(t, v)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 50 {
				req := &shelfv1.UpdateBookRequest{Book: parse(t, &shelfv1.Book{}, good)}
				if (n+i)%2 == 0 {
					req.Book.Tags = []string{"a", ""}
				}
				_, err := client.UpdateBook(t.Context(), req)
				if (status.Code(err) == codes.InvalidArgument) != (len(req.Book.Tags) > 0) {
					t.Errorf("%v: %v", req, err)
				}
				if err := v.Check(t.Context(), proto.CloneOf(req.Book)); (err != nil) != (len(req.Book.Tags) > 0) {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
