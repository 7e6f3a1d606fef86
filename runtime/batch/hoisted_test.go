package batch_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime/batch"
)

// child is a request with a parent.
func child(parent string, validateOnly bool) *batchv1.CreateUserRequest {
	return &batchv1.CreateUserRequest{Parent: parent, ValidateOnly: validateOnly, User: &batchv1.User{Name: "a"}}
}

func mask(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }

func TestHoistedFieldsAreCopiedDown(t *testing.T) {
	for _, c := range []struct {
		name   string
		req    *batchv1.CreateUsersRequest
		want   []*batchv1.CreateUserRequest
		fields []string // that are wrong
	}{
		{
			name: "nothing said",
			req:  &batchv1.CreateUsersRequest{Requests: []*batchv1.CreateUserRequest{child("", false), child("shops/2", true)}},
			want: []*batchv1.CreateUserRequest{child("", false), child("shops/2", true)},
		},
		{
			name: "empty or the same",
			req:  &batchv1.CreateUsersRequest{Parent: "shops/1", Requests: []*batchv1.CreateUserRequest{child("", true), child("shops/1", false)}},
			want: []*batchv1.CreateUserRequest{child("shops/1", true), child("shops/1", false)},
		},
		{
			name: "two fields",
			req: &batchv1.CreateUsersRequest{Parent: "shops/1", ValidateOnly: true,
				Requests: []*batchv1.CreateUserRequest{child("", false), child("shops/1", false), child("", true)}},
			want: []*batchv1.CreateUserRequest{child("shops/1", true), child("shops/1", true), child("shops/1", true)},
		},
		{
			name: "messages and enums",
			req: &batchv1.CreateUsersRequest{Fields: mask("a"), Kind: batchv1.Kind_KIND_PROGRAM,
				Requests: []*batchv1.CreateUserRequest{{}, {Fields: mask("a")}, {Kind: batchv1.Kind_KIND_PROGRAM}}},
			want: []*batchv1.CreateUserRequest{
				{Fields: mask("a"), Kind: batchv1.Kind_KIND_PROGRAM}, {Fields: mask("a"), Kind: batchv1.Kind_KIND_PROGRAM}, {Fields: mask("a"), Kind: batchv1.Kind_KIND_PROGRAM}},
		},
		{
			name: "other messages and enums",
			req: &batchv1.CreateUsersRequest{Fields: mask("a"), Kind: batchv1.Kind_KIND_PROGRAM,
				Requests: []*batchv1.CreateUserRequest{{Fields: mask("b")}, {Fields: mask()}, {Kind: batchv1.Kind_KIND_PERSON}}},
			fields: []string{"requests[0].fields", "requests[1].fields", "requests[2].kind"},
		},
		{
			name: "no child",
			req:  &batchv1.CreateUsersRequest{Parent: "shops/1", Requests: []*batchv1.CreateUserRequest{nil}},
			want: []*batchv1.CreateUserRequest{{Parent: "shops/1"}},
		},
		{
			name: "different",
			req: &batchv1.CreateUsersRequest{Parent: "shops/1",
				Requests: []*batchv1.CreateUserRequest{child("shops/2", false), child("shops/1", false), child("shops/11", false)}},
			fields: []string{"requests[0].parent", "requests[2].parent"},
		},
		{
			name: "a wildcard, which is nobody's parent",
			req: &batchv1.CreateUsersRequest{Parent: "shops/-/floors/1",
				Requests: []*batchv1.CreateUserRequest{child("shops/2/floors/1", false), child("", false)}},
			want: []*batchv1.CreateUserRequest{child("shops/2/floors/1", false), child("", false)},
		},
		{
			name: "not matched by a wildcard",
			req: &batchv1.CreateUsersRequest{Parent: "shops/-", Requests: []*batchv1.CreateUserRequest{
				child("shops/2", false), child("malls/2", false), child("shops/2/floors/1", false), child("shops", false)}},
			fields: []string{"requests[1].parent", "requests[2].parent", "requests[3].parent"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := proto.Clone(c.req)
			got := make(map[*batchv1.User]*batchv1.CreateUserRequest)
			resp, err := createUsers.Each(t.Context(), c.req, func(_ context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
				u := &batchv1.User{}
				got[u] = req
				return u, nil
			}, batch.WithConcurrency(1))
			same(t, c.req, before) // it is the caller's
			if c.fields != nil {
				fails(t, err, codes.InvalidArgument, batch.ReasonFieldMismatch, c.fields...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, u := range resp.GetUsers() {
				same(t, got[u], c.want[i])
			}
		})
	}
}

// TestNamesAreInTheParent checks that a parent stands for the start of names.
func TestNamesAreInTheParent(t *testing.T) {
	remove := func(context.Context, string) (*batchv1.DeleteUsersResponse, error) {
		return &batchv1.DeleteUsersResponse{}, nil
	}
	for _, c := range []struct {
		parent string
		names  []string
		fields []string
	}{
		{"", []string{"shops/1/users/a", "shops/2/users/a"}, nil},
		{"shops/1", []string{"shops/1/users/a", "shops/1/users/b"}, nil},
		{"shops/1", []string{"shops/1/users/a", "shops/11/users/b", "shops/1", "", "shops/1/"}, []string{"names[1]", "names[2]", "names[3]", "names[4]"}},
		{"shops/-", []string{"shops/1/users/a", "shops/11/users/b", "malls/1/users/a"}, []string{"names[2]"}},
	} {
		_, err := deleteUsers.Each(t.Context(), &batchv1.DeleteUsersRequest{Parent: c.parent, Names: c.names}, remove)
		if c.fields == nil {
			if err != nil {
				t.Errorf("%q, %q: %v", c.parent, c.names, err)
			}
			continue
		}
		fails(t, err, codes.InvalidArgument, batch.ReasonFieldMismatch, c.fields...)
	}
}

// TestChildrenWithHoistedFieldsKeepTheRest checks that fields that this program does not know go to
// the child.
func TestChildrenWithHoistedFieldsKeepTheRest(t *testing.T) {
	unknown := []byte{0xc0, 0x3e, 0x01}
	req := child("", false)
	req.ProtoReflect().SetUnknown(unknown)
	_, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Parent: "shops/1", Requests: []*batchv1.CreateUserRequest{req}},
		func(_ context.Context, got *batchv1.CreateUserRequest) (*batchv1.User, error) {
			same(t, []byte(got.ProtoReflect().GetUnknown()), unknown)
			if got == req || got.GetUser() != req.GetUser() {
				t.Error("the child is not a copy that shares what it holds")
			}
			return got.GetUser(), nil
		})
	if err != nil {
		t.Fatal(err)
	}
}
