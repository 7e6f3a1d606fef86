// Package page serves and reads lists a page at a time (AIP-158): with pages that no row is missing from or twice on, however the
// list changes meanwhile, and page tokens that nobody can read, change, or use for another request.
//
// The generated package has a [Method] for each paged RPC. Its server says where rows are from:
//
//	func (s *Users) ListUsers(ctx context.Context, req *shopv1.ListUsersRequest) (*shopv1.ListUsersResponse, error) {
//		return shopv1service.UserServiceListUsers.Serve(ctx, req, page.Keyset(
//			func(ctx context.Context, after *userKey, limit int) ([]*shopv1.User, error) { return s.db.UsersAfter(ctx, after, limit) },
//			func(u *shopv1.User) userKey { return userKey{u.GetName(), u.GetId()} },
//		))
//	}
//
// Its client ranges over all of them:
//
//	for u, err := range shopv1service.UserServiceListUsers.All(ctx, users, req) { … }
//
// What a token is bound to, and for how long it is good, is in docs/pages.md.
package page
