package service_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/filter"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// people have names in a different order than their IDs, and two of them share a name.
func people(t *testing.T) shopv1service.UserService {
	t.Helper()
	users := shopv1servicetest.ServeUserService(t, service.NewUserService(), validated)
	for i, name := range []string{"Grace", "Ada", "Edsger", "Ada", "Barbara"} {
		role := shopv1.UserRole_USER_ROLE_MEMBER
		if name == "Ada" {
			role = shopv1.UserRole_USER_ROLE_ADMIN
		}
		create(t, users, &shopv1.CreateUserRequest{Name: name, Email: fmt.Sprintf("%d@example.com", i+1), Role: role})
	}
	return users
}

// listIDs returns the IDs of all users that match req, and the total of the last page.
func listIDs(t *testing.T, users shopv1service.UserService, req *shopv1.ListUsersRequest) (ids []int32, total int64) {
	t.Helper()
	for p, err := range shopv1service.UserServiceListUsers.Pages(t.Context(), users, req) {
		if err != nil {
			t.Fatal(err)
		}
		for _, user := range p.Items {
			ids = append(ids, user.GetId())
		}
		total = p.Total
	}
	return ids, total
}

func TestListUsers(t *testing.T) {
	for _, test := range []struct {
		name, filter, order string
		want                []int32
	}{
		{"all by id", "", "", []int32{1, 2, 3, 4, 5}},
		{"by id from the last one on", "", "id desc", []int32{5, 4, 3, 2, 1}},
		{"by name and then by id", "", "name", []int32{2, 4, 5, 3, 1}},
		{"by name from the last one on, and then by id", "", "name desc", []int32{1, 3, 5, 2, 4}},
		{"two directions", "", "name, email desc", []int32{4, 2, 5, 3, 1}},
		{"of a role", "role = USER_ROLE_ADMIN", "", []int32{2, 4}},
		{"with a word in the name", "race", "", []int32{1}},
		{"two conditions", `name = "Ada" AND email = "4*"`, "", []int32{4}},
		{"nobody", `name = "Alan"`, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			// One server per test, because the policy's rate limit applies here too.
			users := people(t)
			for size := range int32(7) {
				got, total := listIDs(t, users, &shopv1.ListUsersRequest{PageSize: size, Filter: test.filter, OrderBy: test.order})
				if !slices.Equal(got, test.want) || total != int64(len(test.want)) {
					t.Errorf("pages of %d have the users %v of %d, want %v", size, got, total, test.want)
				}
			}
		})
	}
}

// A user that is not deleted is listed once, whatever else changes between pages, even if the last
// user of a page is deleted.
func TestListUsersWhileTheyComeAndGo(t *testing.T) {
	users := people(t)
	var got []int32
	for p, err := range shopv1service.UserServiceListUsers.Pages(t.Context(), users, &shopv1.ListUsersRequest{PageSize: 2, OrderBy: "name"}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, user := range p.Items {
			got = append(got, user.GetId())
		}
		if len(got) == 2 { // 2 and 4, both called Ada
			if _, err := users.DeleteUser(t.Context(), &shopv1.DeleteUserRequest{Id: 4}); err != nil {
				t.Fatal(err)
			}
			create(t, users, &shopv1.CreateUserRequest{Name: "Aaron", Email: "aaron@example.com"}) // before the page
			create(t, users, &shopv1.CreateUserRequest{Name: "Donald", Email: "donald@example.com"})
		}
	}
	if want := []int32{2, 4, 5, 7, 3, 1}; !slices.Equal(got, want) {
		t.Errorf("the pages have the users %v, want %v", got, want)
	}
}

func TestListUsersRejects(t *testing.T) {
	users := people(t)
	first, err := users.ListUsers(t.Context(), &shopv1.ListUsersRequest{PageSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	token := first.GetNextPageToken()
	for _, test := range []struct {
		name   string
		req    *shopv1.ListUsersRequest
		reason rpcerr.Reason
		field  string
	}{
		{"a negative size", &shopv1.ListUsersRequest{PageSize: -1}, page.ReasonSizeInvalid, "page_size"},
		{"no token", &shopv1.ListUsersRequest{PageToken: "next"}, page.ReasonTokenInvalid, "page_token"},
		{"a token that is cut off", &shopv1.ListUsersRequest{PageToken: token[:len(token)-2]}, page.ReasonTokenInvalid, "page_token"},
		{"a token of another filter", &shopv1.ListUsersRequest{PageToken: token, Filter: "Ada"}, page.ReasonTokenMismatch, "page_token"},
		{"a token of another order", &shopv1.ListUsersRequest{PageToken: token, OrderBy: "name"}, page.ReasonTokenMismatch, "page_token"},
		{"an order that is none", &shopv1.ListUsersRequest{OrderBy: "created_at"}, page.ReasonOrderInvalid, "order_by"},
		{"a filter that does not parse", &shopv1.ListUsersRequest{Filter: "(Ada"}, filter.ReasonInvalid, "filter"},
		{"a filter of a field that is none", &shopv1.ListUsersRequest{Filter: "age > 17"}, filter.ReasonInvalid, "filter"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := users.ListUsers(t.Context(), test.req)
			wantCode(t, err, codes.InvalidArgument)
			violations := rpcerr.FieldViolations(err)
			if rpcerr.ReasonOf(err) != test.reason || len(violations) != 1 || violations[0].Field != test.field {
				t.Errorf("got %s, %v; want %s of %s", rpcerr.ReasonOf(err), violations, test.reason, test.field)
			}
		})
	}
}
