package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	shopv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// users is a service as in the docs.
type users interface {
	BatchCreateUsers(context.Context, *shopv1.CreateUsersRequest) (*shopv1.CreateUsersResponse, error)
}

var usersTable = runtime.NewService("test.v1.Users", wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Unary("BatchCreateUsers", users.BatchCreateUsers, runtime.Policy{Batch: runtime.Batch{MaxSize: 10}}))

// shopv1service has what is generated for the services of the docs.
var shopv1service = struct {
	UserServiceListUsers        *page.Method[libraryv1service.BookService, libraryv1.ListBooksRequest, libraryv1.ListBooksResponse, *libraryv1.Book]
	UserServiceBatchCreateUsers *batch.Method[users, shopv1.CreateUsersRequest, shopv1.CreateUsersResponse, *shopv1.CreateUserRequest, *shopv1.User]
}{
	libraryv1service.BookServiceListBooks,
	batch.Ordered(usersTable.Methods()[0], users.BatchCreateUsers,
		(*shopv1.CreateUsersRequest).GetRequests, (*shopv1.CreateUsersResponse).GetUsers,
		batch.Fields{Children: "requests", Results: "users"}),
}

// Users implements the services of the docs.
type Users struct {
	libraryv1service.UnimplementedBookService
	pool   *pgxpool.Pool
	inTx   func(ctx context.Context, work func(ctx context.Context) error) error
	events *eventlog.Log[shopv1.User]
}

// newUsers returns the services on a new database.
func newUsers(t *testing.T) *Users {
	pool, err := pgxpool.New(t.Context(), shared.server.Database(t))
	must(t, err)
	t.Cleanup(pool.Close)
	must(t, pgstore.Migrate(t.Context(), pool))
	db, err := pgstore.Open(t.Context(), pool)
	must(t, err)
	t.Cleanup(db.Close)
	_, err = pool.Exec(t.Context(), `CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		shop text NOT NULL DEFAULT 'shops/1', name text NOT NULL CHECK (name <> 'taken'))`)
	must(t, err)
	s := &Users{pool: pool}
	s.inTx = pgstore.InTx(pool, pgx.TxOptions{})
	s.events = eventlog.New[shopv1.User](db.Log("events"))
	return s
}

func (s *Users) CreateUser(ctx context.Context, req *shopv1.CreateUserRequest) (*shopv1.User, error) {
	err := s.inTx(ctx, func(ctx context.Context) error { // its own transaction, or that of the batch
		_, err := pgstore.Tx(ctx).Exec(ctx, "INSERT INTO users (name) VALUES ($1)", req.GetUser().GetName())
		return err
	})
	return req.GetUser(), err
}

func (s *Users) BatchCreateUsers(ctx context.Context, req *shopv1.CreateUsersRequest) (*shopv1.CreateUsersResponse, error) {
	return shopv1service.UserServiceBatchCreateUsers.Each(ctx, req, s.CreateUser, batch.WithTx(s.inTx))
}

func scanUser(row pgx.CollectableRow) (*libraryv1.Book, error) {
	user := &libraryv1.Book{}
	return user, row.Scan(&user.Isbn, &user.Title)
}

func (s *Users) ListBooks(ctx context.Context, req *libraryv1.ListBooksRequest) (*libraryv1.ListBooksResponse, error) {
	const shop = "shops/1"
	order, err := page.NewColumns(page.Column{Name: "id"}, page.Column{Name: "name"}) // by name; id is unique
	if err != nil {
		return nil, err
	}
	return shopv1service.UserServiceListUsers.Serve(ctx, req, pgstore.Keyset(s.pool, order, scanUser,
		"SELECT id::text, name FROM users WHERE shop = $1", shop))
}

// place has the effect of a call, stores its response and appends an event, in one transaction.
func (s *Users) place(ctx context.Context, order *shopv1.User) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		tx := pgstore.Tx(ctx)
		if _, err := tx.Exec(ctx, "INSERT INTO users (name) VALUES ($1)", order.GetName()); err != nil {
			return err
		}
		if err := idempotency.Save(ctx, tx, order); err != nil {
			return err
		}
		_, err := s.events.AppendTx(ctx, tx, order) // last: it locks the log until the commit
		return err
	})
}

// names returns the names in the table.
func (s *Users) names(t *testing.T) (names string) {
	t.Helper()
	must(t, s.pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(name, ' ' ORDER BY id), '') FROM users`).Scan(&names))
	return names
}

func creations(names ...string) *shopv1.CreateUsersRequest {
	req := &shopv1.CreateUsersRequest{}
	for _, name := range names {
		req.Requests = append(req.Requests, &shopv1.CreateUserRequest{User: &shopv1.User{Name: name}})
	}
	return req
}

// TestBatchInATransaction checks that all items of a batch are created or none, and an item alone.
func TestBatchInATransaction(t *testing.T) {
	url(t)
	s := newUsers(t)
	if _, err := s.BatchCreateUsers(t.Context(), creations("a", "taken", "b")); err == nil || s.names(t) != "" {
		t.Errorf("a batch returned %v and left %q", err, s.names(t))
	}
	if _, err := s.BatchCreateUsers(t.Context(), creations("a", "b")); err != nil || s.names(t) != "a b" {
		t.Errorf("a batch returned %v and left %q", err, s.names(t))
	}
	if _, err := s.CreateUser(t.Context(), creations("c").Requests[0]); err != nil || s.names(t) != "a b c" {
		t.Errorf("a call returned %v and left %q", err, s.names(t))
	}
}

// TestPagesOfAQuery reads a list that is ordered by a column with equal values.
func TestPagesOfAQuery(t *testing.T) {
	url(t)
	s := newUsers(t)
	_, err := s.pool.Exec(t.Context(), `INSERT INTO users (name) SELECT chr(97 + n % 3) FROM generate_series(0, 9) n`)
	must(t, err)
	_, err = s.pool.Exec(t.Context(), `INSERT INTO users (shop, name) VALUES ('shops/2', 'a')`)
	must(t, err)
	var got strings.Builder
	for user, err := range shopv1service.UserServiceListUsers.All(t.Context(), s, &libraryv1.ListBooksRequest{PageSize: 3}) {
		must(t, err)
		got.WriteString(user.GetTitle() + user.GetIsbn() + " ")
	}
	// The order by id is that of its text, which the query selects
	if want := "a1 a10 a4 a7 b2 b5 b8 c3 c6 c9 "; got.String() != want {
		t.Errorf("the pages have %q, want %q", got.String(), want)
	}
}

// TestEffectAndEvent checks that an event is there if, and only if, its effect is.
func TestEffectAndEvent(t *testing.T) {
	url(t)
	s := newUsers(t)
	if err := s.place(t.Context(), &shopv1.User{Name: "taken"}); err == nil {
		t.Error("an effect that fails returned no error")
	}
	must(t, s.place(t.Context(), &shopv1.User{Name: "a"}))
	b, err := s.events.Bounds(t.Context())
	if err != nil || b.Last != 1 || s.names(t) != "a" {
		t.Errorf("there are %d events, %v, and the effects %q", b.Last, err, s.names(t))
	}
	for e, err := range s.events.Read(t.Context(), b.Earliest()) {
		if err != nil || e.Message.GetName() != "a" {
			t.Errorf("the event is %v, %v", e, err)
		}
	}
}

// guarded returns calls of a method with an idempotency key, which are guarded by a store.
func guarded(t *testing.T, guard *idempotency.Guard) func(key string, run func(context.Context) (proto.Message, error)) error {
	t.Helper()
	user, request := (&shopv1.User{}).ProtoReflect().Descriptor(), (&errdetails.RequestInfo{}).ProtoReflect().Descriptor()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("pgstore_test.proto"), Package: proto.String("pgstore.test"), Syntax: proto.String("proto3"),
		Dependency: []string{user.ParentFile().Path(), request.ParentFile().Path()},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Users"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: proto.String("Place"), InputType: proto.String("." + string(request.FullName())), OutputType: proto.String("." + string(user.FullName())),
		}}}},
	}, protoregistry.GlobalFiles)
	must(t, err)
	answer := guard.Bind(runtime.MethodInfo{
		Service: "pgstore.test.Users", Name: "Place", FullMethod: "/pgstore.test.Users/Place",
		Descriptor: file.Services().Get(0).Methods().Get(0),
		Policy:     runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: "request_id"}},
	})
	return func(key string, run func(context.Context) (proto.Message, error)) error {
		_, err := answer(t.Context(), &errdetails.RequestInfo{RequestId: key}, run)
		return err
	}
}

// TestSavedResponses makes calls whose connection is lost during the commit, and retries them: each
// has one effect and one event.
func TestSavedResponses(t *testing.T) {
	url(t)
	s, ctx := newUsers(t), t.Context()
	proxy, proxied := newProxy(t, s.pool.Config().ConnString(), "commit\x00")
	pool := newPool(t, proxied)
	db, err := pgstore.Open(ctx, pool) // after pgstore.Migrate, in the step that deploys a new version
	must(t, err)
	t.Cleanup(db.Close)
	store := db.Idempotency()
	srv := server.New(server.WithIdempotency(idempotency.New(store)))
	if srv == nil {
		t.Fatal("no server")
	}
	s.inTx = pgstore.InTx(pool, pgx.TxOptions{})
	call := guarded(t, idempotency.New(store))
	for _, mode := range []cut{before, after, pass} {
		name := fmt.Sprint("user", mode)
		place := func(ctx context.Context) (proto.Message, error) {
			user := &shopv1.User{Name: name}
			return user, s.place(ctx, user)
		}
		proxy.cut(mode)
		if err := call(name, place); (err == nil) != (mode == pass) || err != nil && !errors.Is(err, pgstore.ErrOutcomeUnknown) {
			t.Errorf("the first call returned %v", err)
		}
		for range 2 {
			if err := call(name, place); err != nil {
				t.Errorf("a retry returned %v", err)
			}
		}
	}
	b, err := s.events.Bounds(ctx)
	if err != nil || b.Last != 3 || s.names(t) != "user1 user2 user0" {
		t.Errorf("there are %d events, %v, and the effects %q", b.Last, err, s.names(t))
	}
}

// isOfJobs reports whether a block is of the services that package jobs tests.
func isOfJobs(block string) bool {
	return strings.Contains(block, "OrderService") || strings.Contains(block, "ReportService")
}

// TestSnippets checks that the Go code of the docs that uses this package is that of these tests,
// line by line.
func TestSnippets(t *testing.T) {
	source := ""
	tests, err := filepath.Glob("*_test.go")
	must(t, err)
	services, err := filepath.Glob("internal/jobs/*_test.go")
	must(t, err)
	for _, file := range slices.Concat(tests, services) {
		text, err := os.ReadFile(file)
		must(t, err)
		source += string(text)
	}
	lines := map[string]bool{}
	for line := range strings.Lines(source) {
		lines[strings.TrimSpace(line)] = true
	}
	for _, doc := range []string{"pages", "batches", "idempotency", "subscriptions", "operations"} {
		text, err := os.ReadFile("../../docs/" + doc + ".md")
		must(t, err)
		found := false
		for i, block := range strings.Split(string(text), "```") {
			if i%2 == 0 || !strings.HasPrefix(block, "go\n") || !strings.Contains(block, "pgstore.") && !isOfJobs(block) {
				continue
			}
			found = true
			for line := range strings.Lines(strings.TrimPrefix(block, "go\n")) {
				if line = strings.TrimSpace(line); line != "" && line != "…" && !lines[line] {
					t.Errorf("docs/%s.md: no test has the line\n%s", doc, line)
				}
			}
		}
		if !found {
			t.Errorf("docs/%s.md has no code of this package", doc)
		}
	}
}
