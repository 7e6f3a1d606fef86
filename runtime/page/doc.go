// Package page serves and reads lists one page at a time (AIP-158). With [Keyset], no row is
// missing or returned twice, however the list changes between pages. Callers cannot read or forge
// page tokens, or use them for another request.
//
// The generated package has a [Method] for each paged RPC. The server provides a source of rows:
//
//	func (s *Users) ListUsers(ctx context.Context, req *shopv1.ListUsersRequest) (*shopv1.ListUsersResponse, error) {
//		return shopv1service.UserServiceListUsers.Serve(ctx, req, page.Keyset(
//			func(ctx context.Context, after *userKey, limit int) ([]*shopv1.User, error) { return s.db.UsersAfter(ctx, after, limit) },
//			func(u *shopv1.User) userKey { return userKey{u.GetName(), u.GetId()} },
//		))
//	}
//
// A client ranges over the items of all pages:
//
//	for u, err := range shopv1service.UserServiceListUsers.All(ctx, users, req) { … }
//
// docs/pages.md describes what tokens are bound to and when they expire.
package page
