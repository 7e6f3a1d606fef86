package service

import (
	"context"
	"testing"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
)

// A panic in a transaction leaves the table unchanged and unlocked.
func TestPanicRollsBack(t *testing.T) {
	s := NewUserService()
	kept, err := s.CreateUser(t.Context(), &shopv1.CreateUserRequest{Name: "Ada", Email: "ada@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { recover() }()
		s.users.InTx(t.Context(), func(ctx context.Context) error {
			if _, err := s.DeleteUser(ctx, &shopv1.DeleteUserRequest{Id: kept.GetId()}); err != nil {
				t.Error(err)
			}
			if _, err := s.CreateUser(ctx, &shopv1.CreateUserRequest{Name: "Ada", Email: "ada@example.com"}); err != nil {
				t.Error(err)
			}
			panic("a mistake")
		})
	}()
	if got, err := s.GetUser(t.Context(), &shopv1.GetUserRequest{Id: kept.GetId()}); err != nil || got != kept {
		t.Errorf("GetUser = %v, %v; want the user of before", got, err)
	}
	if id, ok := s.users.emails["ada@example.com"]; !ok || id != kept.GetId() || len(s.users.users) != 1 {
		t.Errorf("the table has %v, %v", s.users.users, s.users.emails)
	}
}
