// Package filter reads the filters of list methods, in the language of AIP-160, and says which messages they match:
//
//	var users = filter.For((*shopv1.User)(nil).ProtoReflect().Descriptor())
//
//	func (s *Users) ListUsers(ctx context.Context, req *shopv1.ListUsersRequest) (*shopv1.ListUsersResponse, error) {
//		f, err := users.Parse("filter", req.GetFilter()) // name = "A*" AND (age > 17 OR labels.vip = true)
//		if err != nil {
//			return nil, err // INVALID_ARGUMENT that says what is wrong, and in which column
//		}
//		... f.Match(ctx, user) ...
//
// Where a database does the work, [Filter.SQL] is the condition for its query, and [Filter.Expr] the tree to make any other query
// of. [Parse] makes a tree without types.
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
//	word, "two words"     some field has that, in whatever case; see [Search]
//	fn(field, "x")        a function that the service has; see [Function]
//
// A colon after a field that is neither a list, a map nor a message is an equals sign. Booleans and enums know = and != only;
// enums are spelled as the proto spells them. Timestamps are spelled as in RFC 3339, durations in seconds ("1.5s"). Quotes
// are needed for what has spaces, brackets, commas, quotes or comparators in it.
//
// What is not there, such as an unset optional field, a field of an unset message or a missing key, equals nothing and is in no
// order with anything: of the comparisons only != is true of it.
package filter
