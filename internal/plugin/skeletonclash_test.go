package plugin_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"google.golang.org/protobuf/proto"
)

// TestSkeletonTestsOfOneName checks that if two tests would have the same name, the plugin writes
// only the contract test.
func TestSkeletonTestsOfOneName(t *testing.T) {
	request := readCase(t, "skeleton_added").request(t)
	request.Parameter = proto.String("emit=skeleton,skeleton_dir=service")
	file := request.ProtoFile[len(request.ProtoFile)-1]
	other := proto.CloneOf(file.Service[0])
	other.Name = proto.String("BookServiceGetBook") // same test name as BookService.GetBook
	file.Service = append(file.Service, other)
	got := runIn(t, request, fstest.MapFS{"go.mod": textFile(userMod)}, ".")
	count := 0
	for _, content := range got.files {
		count += strings.Count(content, "func TestBookServiceGetBook(t ")
	}
	if contract := got.files["service/book_service_get_book_test.go"]; got.err != "" || count != 1 || !strings.Contains(contract, "CheckBookServiceGetBook(t, ") {
		t.Errorf("%d tests are called TestBookServiceGetBook (%s); want that of the contract:\n%s", count, got.err, contract)
	}
}

// TestAppOfConstructors checks that main.go calls a constructor only if main.go can supply all
// arguments and the constructor returns no error.
func TestAppOfConstructors(t *testing.T) {
	const head = "package service\n\nimport (\n\t\"context\"\n\n\t\"MODULE\"\n)\n\ntype BookService struct{}\n\n"
	for name, tt := range map[string]struct{ module, constructor, want string }{
		"a manager":         {"github.com/grpcservice/grpcservice/runtime/operation", "func NewBookService(m *operation.Manager) *BookService", "service.NewBookService(operations))"},
		"another's manager": {"example.com/session", "func NewBookService(m *session.Manager) *BookService", "// TODO: Serve library.v1.BookService: "},
		"an error":          {"example.com/session", "func NewBookService() (*BookService, error)", "// TODO: Serve library.v1.BookService: "},
	} {
		t.Run(name, func(t *testing.T) {
			request := readCase(t, "skeleton_added").request(t)
			request.Parameter = proto.String("emit=skeleton,skeleton_dir=service,app=cmd/server")
			text := strings.Replace(head, "MODULE", tt.module, 1) + tt.constructor + " { return nil }\n"
			got := runIn(t, request, fstest.MapFS{"go.mod": textFile(userMod), "service/book_service.go": textFile(text)}, ".")
			if program := got.files["cmd/server/main.go"]; got.err != "" || !strings.Contains(program, tt.want) {
				t.Errorf("main.go has no %q (%s):\n%s", tt.want, got.err, program)
			}
		})
	}
}
