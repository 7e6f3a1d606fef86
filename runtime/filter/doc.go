// Package filter parses the filters of list methods, in the language of AIP-160, and matches
// messages against them:
//
//	var users = filter.For((*shopv1.User)(nil).ProtoReflect().Descriptor())
//
//	func (s *Users) ListUsers(ctx context.Context, req *shopv1.ListUsersRequest) (*shopv1.ListUsersResponse, error) {
//		f, err := users.Parse("filter", req.GetFilter()) // name = "A*" AND (age > 17 OR labels.vip = true)
//		if err != nil {
//			return nil, err // INVALID_ARGUMENT with the mistake and its column
//		}
//		... f.Match(ctx, user) ...
//
// To filter in a database, use [Filter.SQL], which returns a condition for its query, or build
// another kind of query from the tree of [Filter.Expr]. [Parse] returns a tree without types.
//
// # Language
//
//	a b, a AND b          both; between expressions a space is an AND
//	a OR b                one of them; OR binds tighter than AND: a AND b OR c is a AND (b OR c)
//	NOT a, -a             not that
//	field = "x"           also != < <= > >=; the field is on the left
//	field = "x*"          strings may have wildcards in = and != and :, and \* is a star
//	field = (a OR b)      the same as (field = a OR field = b)
//	outer.inner = 1       fields of messages; keys of maps and of google.protobuf.Struct
//	list:1, list.name:x   some element is 1; some element's name is x
//	map:key, map.key:1    the map has the key; its value there is 1
//	field:*               the field is set: it has presence and is there, or is not its zero value
//	field = null          the field is not there
//	word, "two words"     some field contains it, ignoring case; see [WithSearch]
//	fn(field, "x")        a function of the service; see [WithFunction]
//
// A colon after a field that is neither a list, a map nor a message is an equals sign. Booleans
// and enums support = and != only; enum values have their proto names. Timestamps are in RFC 3339
// format, durations in seconds ("1.5s"). Text with spaces, brackets, commas, quotes or
// comparators must be quoted.
//
// An absent value, such as an unset optional field, a field of an unset message or a missing key,
// does not equal anything and has no order: the only comparison that is true for it is !=.
package filter
