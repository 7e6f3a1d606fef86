package batch_test

import (
	"context"
	"testing"
	"time"

	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/batch"
)

// large is a batch of 1000 children in each shape, with functions that cost nothing.
type large struct {
	get    *batchv1.GetUsersRequest
	create *batchv1.CreateUsersRequest
	lookup *batchv1.LookupUsersRequest
	user   *batchv1.User
}

const manyChildren = 1000

func newLarge() *large {
	names := numbers(manyChildren)
	l := &large{
		get: &batchv1.GetUsersRequest{}, create: &batchv1.CreateUsersRequest{Requests: creations(names...)},
		lookup: &batchv1.LookupUsersRequest{Names: names}, user: user(1),
	}
	for id := range int32(manyChildren) {
		l.get.UserIds = append(l.get.UserIds, id)
	}
	return l
}

// wide returns the info of a method that takes as many.
func wide(row int) runtime.MethodInfo {
	info := usersTable.Methods()[row]
	info.Policy.Batch = runtime.Batch{MaxSize: manyChildren, Concurrency: 8}
	return info
}

var (
	wideKeyed = batch.Keyed(wide(0), users.BatchGetUsers,
		(*batchv1.GetUsersRequest).GetUserIds, (*batchv1.GetUsersResponse).GetUsers,
		batch.Fields{Children: "user_ids", Results: "users", Missing: "not_found"})
	wideOrdered = batch.Ordered(wide(1), users.BatchCreateUsers,
		(*batchv1.CreateUsersRequest).GetRequests, (*batchv1.CreateUsersResponse).GetUsers,
		batch.Fields{Children: "requests", Results: "users", Hoisted: []string{"parent"}})
	widePerItem = batch.PerItem(wide(2), users.BatchLookupUsers,
		(*batchv1.LookupUsersRequest).GetNames, (*batchv1.LookupUsersResponse).GetItems, (*batchv1.LookupUsersResponse_Item).GetUser,
		batch.Fields{Children: "names", Results: "items", Status: "error", Value: "user"})
)

// eachOf returns a run of Each for each shape.
func eachOf(ctx context.Context, l *large) map[string]func(...batch.Option) error {
	return map[string]func(...batch.Option) error{
		"keyed": func(opts ...batch.Option) error {
			_, err := wideKeyed.Each(ctx, l.get, func(context.Context, int32) (*batchv1.User, error) { return l.user, nil }, opts...)
			return err
		},
		"ordered": func(opts ...batch.Option) error {
			_, err := wideOrdered.Each(ctx, l.create, func(context.Context, *batchv1.CreateUserRequest) (*batchv1.User, error) { return l.user, nil }, opts...)
			return err
		},
		"peritem": func(opts ...batch.Option) error {
			_, err := widePerItem.Each(ctx, l.lookup, func(context.Context, string) (*batchv1.User, error) { return l.user, nil }, opts...)
			return err
		},
	}
}

// BenchmarkEach measures the cost of a child beyond its function.
func BenchmarkEach(b *testing.B) {
	for shape, run := range eachOf(b.Context(), newLarge()) {
		for name, concurrency := range map[string]int{"one": 1, "eight": 8} {
			b.Run(shape+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := run(batch.WithConcurrency(concurrency)); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed())/float64(b.N)/manyChildren, "ns/child")
			})
		}
	}
}

// BenchmarkLoad measures the cost of a child beyond the query.
func BenchmarkLoad(b *testing.B) {
	l := newLarge()
	found := make(map[int32]*batchv1.User)
	for _, id := range l.get.UserIds {
		found[id] = l.user
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wideKeyed.Load(b.Context(), l.get, func(context.Context, []int32) (map[int32]*batchv1.User, error) { return found, nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/manyChildren, "ns/child")
}

// BenchmarkLoader measures the cost of a get beyond its part of a call, which is full before the
// window ends.
func BenchmarkLoader(b *testing.B) {
	resp := &batchv1.GetUsersResponse{Users: make(map[int32]*batchv1.User)}
	for id := range int32(manyChildren) {
		resp.Users[id] = user(id)
	}
	loader := wideKeyed.Loader(b.Context(), funcs{get: func(context.Context, *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
		return resp, nil
	}}, nil, batch.WithWindow(time.Hour))
	ids := newLarge().get.UserIds
	b.ReportAllocs()
	for b.Loop() {
		if _, err := loader.GetAll(b.Context(), ids); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/manyChildren, "ns/child")
}
