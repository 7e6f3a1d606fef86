package main

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/filter"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// listStaff lists the staff, five to a page.
func listStaff() *shopv1.ListUsersRequest {
	return &shopv1.ListUsersRequest{PageSize: 5, Filter: staffFilter, OrderBy: "name desc"}
}

// playPages ranges over all users of a list, and over its pages, with a break after the first page.
func playPages(ctx context.Context, users shopv1service.UserService) error {
	var names []string
	for user, err := range shopv1service.UserServiceListUsers.All(ctx, users, listStaff(), page.WithPrefetch(1)) {
		if err != nil {
			return fmt.Errorf("ListUsers: %w", err)
		}
		names = append(names, user.GetName())
	}
	say("ListUsers", "all pages, the next one fetched meanwhile: %s", strings.Join(names, ", "))
	if len(names) != len(staffNames) || names[0] != staffNames[len(staffNames)-1] {
		return fmt.Errorf("ListUsers: want %d names from the last one on, got %q", len(staffNames), names)
	}

	first, err := firstPage(ctx, users, listStaff())
	if err != nil {
		return err
	}
	say("ListUsers", "the first page has %d of %d", len(first.Items), first.Total)
	// The token can be stored: another process can continue with it, even on another day if its
	// policy allows that.
	rest, err := page.Collect(shopv1service.UserServiceListUsers.All(ctx, users, listStaff(), page.WithPageToken(first.NextToken)), 100)
	if err != nil {
		return fmt.Errorf("ListUsers: %w", err)
	}
	say("ListUsers", "from its token on there are %d more", len(rest))
	if len(first.Items)+len(rest) != int(first.Total) {
		return fmt.Errorf("ListUsers: %d and %d users are not %d", len(first.Items), len(rest), first.Total)
	}
	return nil
}

// firstPage returns the first page of a list.
func firstPage(ctx context.Context, users shopv1service.UserService, req *shopv1.ListUsersRequest) (*page.Page[*shopv1.User, shopv1.ListUsersResponse], error) {
	for first, err := range shopv1service.UserServiceListUsers.Pages(ctx, users, req) {
		return first, err
	}
	return nil, fmt.Errorf("ListUsers: there is no page")
}

// forge changes a character of a token.
func forge(token string) string {
	forged := []byte(token)
	forged[len(forged)/2] ^= 1 // '0' becomes '1', 'a' a backtick
	return string(forged)
}

// playPageRejections sends list requests that the server must reject.
func playPageRejections(ctx context.Context, users shopv1service.UserService) error {
	first, err := firstPage(ctx, users, listStaff())
	if err != nil {
		return err
	}
	for _, rejection := range []struct {
		reason rpcerr.Reason
		change func(*shopv1.ListUsersRequest)
	}{
		{page.ReasonTokenInvalid, func(r *shopv1.ListUsersRequest) { r.PageToken = forge(first.NextToken) }},
		{page.ReasonTokenMismatch, func(r *shopv1.ListUsersRequest) { r.PageToken, r.Filter = first.NextToken, "" }},
		{page.ReasonSizeInvalid, func(r *shopv1.ListUsersRequest) { r.PageSize = -1 }},
		{page.ReasonOrderInvalid, func(r *shopv1.ListUsersRequest) { r.OrderBy = "password" }},
		{filter.ReasonInvalid, func(r *shopv1.ListUsersRequest) { r.Filter = `name = "Ada` }},
	} {
		req := listStaff()
		rejection.change(req)
		_, err := users.ListUsers(ctx, req)
		if err := expect("ListUsers", err, codes.InvalidArgument, rejection.reason); err != nil {
			return err
		}
	}
	return nil
}
