package skeleton

import (
	"fmt"
	"strings"
	"testing"
)

// TestDrift checks which signatures count as those of an RPC. GetBook is unary, Watch streams
// responses, Upload streams requests.
func TestDrift(t *testing.T) {
	const head = `package service
import (
	"context"
	"iter"
	xctx "golang.org/x/net/context"
	lib "example.com/gen/library/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"example.com/internal/alias"
	"google.golang.org/grpc"
)
type BookService struct{}
type request = lib.GetBookRequest
type pointer = *lib.GetBookRequest
type own struct{}
`
	const (
		wantGet    = "make it func (s *BookService) GetBook(ctx context.Context, req *lib.GetBookRequest) (*lib.GetBookResponse, error)"
		wantWatch  = "make it func (s *BookService) Watch(ctx context.Context, req *lib.WatchRequest) runtime.Stream[lib.WatchResponse]"
		wantUpload = "make it func (s *BookService) Upload(ctx context.Context, reqs runtime.Stream[lib.UploadRequest]) (*lib.UploadResponse, error)"
	)
	module := func(path string) (map[string][]byte, bool) {
		return map[string][]byte{"a.go": []byte("package alias\nimport lib \"example.com/gen/library/v1\"\ntype Request = lib.GetBookRequest\ntype Own struct{}")},
			path == "example.com/internal/alias"
	}
	tests := []struct{ method, want string }{
		{"GetBook(ctx context.Context, req *lib.GetBookRequest) (*lib.GetBookResponse, error)", ""},
		{"GetBook(_ context.Context, _ *lib.GetBookRequest) (_ *lib.GetBookResponse, err error)", ""},
		{"GetBook((context.Context), *(lib.GetBookRequest)) ((*lib.GetBookResponse), error)", ""},
		{"GetBook(xctx.Context, *lib.GetBookRequest) (*lib.GetBookResponse, error)", ""},
		{"GetBook(context.Context, *request) (*lib.GetBookResponse, error)", ""},
		{"GetBook(context.Context, pointer) (*lib.GetBookResponse, error)", ""},
		{"GetBook(context.Context, *alias.Request) (*lib.GetBookResponse, error)", ""},
		{"GetBook(context.Context, *unknown.Request) (*lib.GetBookResponse, error)", ""},
		{"GetBook(context.Context, *alias.Own) (*lib.GetBookResponse, error)", wantGet},
		{"GetBook(context.Context, *own) (*lib.GetBookResponse, error)", wantGet},
		{"GetBook(context.Context, lib.GetBookRequest) (*lib.GetBookResponse, error)", wantGet},
		{"GetBook(context.Context, **lib.GetBookRequest) (*lib.GetBookResponse, error)", wantGet},
		{"GetBook(context.Context, []*lib.GetBookRequest) (*lib.GetBookResponse, error)", wantGet},
		{"GetBook(context.Context, *lib.WatchRequest) (*lib.GetBookResponse, error)", wantGet},
		{"GetBook(context.Context, *lib.GetBookRequest) (*lib.GetBookRequest, error)", wantGet},
		{"GetBook(context.Context, *lib.GetBookRequest) (*lib.GetBookResponse, string)", wantGet},
		{"GetBook(context.Context, *lib.GetBookRequest) (*lib.GetBookResponse, bool, error)", wantGet},
		{"GetBook(context.Context, *lib.GetBookRequest) *lib.GetBookResponse", wantGet},
		{"GetBook(context.Context, *lib.GetBookRequest)", wantGet},
		{"GetBook(context.Context, ...*lib.GetBookRequest) (*lib.GetBookResponse, error)", wantGet},
		{"GetBook(a, b context.Context, c *lib.GetBookRequest) (*lib.GetBookResponse, error)", wantGet},
		{"GetBook(int, *lib.GetBookRequest) (*lib.GetBookResponse, error)", wantGet},
		{"GetBook(context.Context, *lib.GetBookRequest) runtime.Stream[lib.GetBookResponse]", wantGet},
		{"Watch(context.Context, *lib.WatchRequest) runtime.Stream[lib.WatchResponse]", ""},
		{"Watch(context.Context, *lib.WatchRequest) (seq runtime.Stream[lib.WatchResponse])", ""},
		{"Watch(context.Context, *lib.WatchRequest) iter.Seq2[*lib.WatchResponse, error]", ""},
		{"Watch(context.Context, *lib.WatchRequest) iter.Seq2[lib.WatchResponse, error]", wantWatch},
		{"Watch(context.Context, *lib.WatchRequest) iter.Seq[*lib.WatchResponse]", wantWatch},
		{"Watch(context.Context, *lib.WatchRequest) runtime.Stream[*lib.WatchResponse]", wantWatch},
		{"Watch(context.Context, *lib.WatchRequest) runtime.Stream[lib.WatchRequest]", wantWatch},
		{"Watch(context.Context, *lib.WatchRequest) func(yield func(*lib.WatchResponse, error) bool)", wantWatch},
		{"Watch(context.Context, *lib.WatchRequest) (*lib.WatchResponse, error)", wantWatch},
		{"Watch(*lib.WatchRequest, grpc.ServerStreamingServer[lib.WatchResponse]) error", wantWatch},
		{"Upload(context.Context, runtime.Stream[lib.UploadRequest]) (*lib.UploadResponse, error)", ""},
		{"Upload(context.Context, *lib.UploadRequest) (*lib.UploadResponse, error)", wantUpload},
	}
	for _, tt := range tests {
		t.Run(tt.method, func(t *testing.T) {
			svc := library("GetBook unary", "Watch server", "Upload client")
			_, problems := mergeTwice(t, directory("a.go", head+"func (s *BookService) "+tt.method+" { panic(1) }"), []Service{svc}, module)
			if tt.want == "" {
				wantProblems(t, problems)
				return
			}
			name, _, _ := strings.Cut(tt.method, "(")
			wantProblems(t, problems, fmt.Sprintf("internal/service/a.go:15:23: method %s of BookService has a different signature than its RPC; %s", name, tt.want))
		})
	}
}

// TestDriftSpelling checks that the new signature is spelled with the names of the file.
func TestDriftSpelling(t *testing.T) {
	_, problems := mergeTwice(t, directory("a.go", "package service\nimport . \"example.com/gen/library/v1\"\nimport rt \"github.com/grpcservice/grpcservice/runtime\"\n"+
		"type BookService[T any] struct{}\nfunc (b BookService[T]) Watch() {}\nvar _ rt.Stream[WatchRequest]"), []Service{library("Watch server")}, nil)
	wantProblems(t, problems, "make it func (b BookService[T]) Watch(ctx context.Context, req *WatchRequest) rt.Stream[WatchResponse]")
}

// TestGone checks which methods are reported as methods of removed RPCs.
func TestGone(t *testing.T) {
	const head = "package service\nimport (\n\t\"context\"\n\t\"io\"\n\tlib \"example.com/gen/library/v1\"\n\t\"example.com/other\"\n\t\"google.golang.org/protobuf/types/known/emptypb\"\n" +
		"\t\"github.com/grpcservice/grpcservice/runtime\"\n)\ntype BookService struct{}\n"
	tests := []struct {
		name, code string
		gone       bool
	}{
		{"unary", "func (s *BookService) Old(context.Context, *lib.OldRequest) (*lib.OldResponse, error)", true},
		{"unary, nothing to say", "func (s *BookService) Old(context.Context, *lib.OldRequest) (*emptypb.Empty, error)", true},
		{"server stream", "func (s *BookService) Old(context.Context, *lib.OldRequest) runtime.Stream[lib.OldResponse]", true},
		{"client stream", "func (s *BookService) Old(context.Context, runtime.Stream[lib.OldRequest]) (*lib.OldResponse, error)", true},
		{"renamed", "func (s *BookService) PutBook(context.Context, *lib.PutBookRequest) (*lib.Book, error)\nvar _ io.Closer = (*BookService)(nil)", true},
		{"moved to another RPC", "func (s *BookService) GetBooks(context.Context, *lib.GetBookRequest) (*lib.Book, error)", false},
		{"unexported", "func (s *BookService) old(context.Context, *lib.OldRequest) (*lib.OldResponse, error)", false},
		{"no context", "func (s *BookService) Old(*lib.OldRequest) (*lib.OldResponse, error)", false},
		{"other messages", "func (s *BookService) Old(context.Context, *other.OldRequest) (*lib.OldResponse, error)", false},
		{"everybody's messages", "func (s *BookService) Old(context.Context, *emptypb.Empty) (*lib.OldResponse, error)", false},
		{"other results", "func (s *BookService) Old(context.Context, *lib.OldRequest) error", false},
		{"other type", "func (s *Other) Old(context.Context, *lib.OldRequest) (*lib.OldResponse, error)", false},
		{"of another interface", "func (s *BookService) Old(context.Context, *lib.OldRequest) (*lib.OldResponse, error)\nvar _ other.Service = (*BookService)(nil)", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := mergeTwice(t, directory("a.go", head+tt.code), []Service{library("GetBook unary", "Watch server")}, nil)
			if tt.gone {
				wantProblems(t, problems, "no longer exists in library.v1.BookService, but method")
			} else {
				wantProblems(t, problems)
			}
		})
	}
}

// TestGoneOfNone checks that the RPCs of a service without RPCs are recognized by the packages of
// its messages.
func TestGoneOfNone(t *testing.T) {
	svc := library()
	svc.Packages = []string{messages}
	_, problems := mergeTwice(t, directory("a.go", asserted+"type BookService struct{}\nfunc (*BookService) "+get+"{}"), []Service{svc}, nil)
	wantProblems(t, problems, "a.go:9:21: RPC GetBook no longer exists")
}
