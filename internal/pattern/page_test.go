package pattern_test

import "testing"

// list returns a service with one paginated method, from the fields of its messages.
func list(method, request, response string) string {
	return `service S { rpc ` + method + `(Req) returns (Resp); }
		message Req {` + request + `} message Resp {` + response + `}
		message User { string name = 1; } message Group { string name = 1; } enum Role { ROLE_UNSPECIFIED = 0; }
		message Book { option (standins.resource).type = "b"; string name = 1; }`
}

const (
	pageRequest = `int32 page_size = 1; string page_token = 2;`
	nextToken   = `string next_page_token = 2;`
	pageFields  = ` size=page_size token=page_token next=next_page_token`
)

func TestPagesAreFoundByTheirFields(t *testing.T) {
	run(t, []testCase{
		{
			name:  "as the skill has it",
			proto: list("ListUsers", `int32 page_size = 1; string page_token = 2; string filter = 3;`, `repeated User users = 1; string next_page_token = 2; int32 total_count = 3;`),
			want: `page items=users` + pageFields + ` total=total_count
				page, certain: items: users, the only repeated field`,
		},
		{
			name:  "max_results as UInt32Value, and a total as int64",
			proto: list("ListUsers", `google.protobuf.UInt32Value max_results = 1; string page_token = 2;`, `repeated User users = 1; string next_page_token = 2; int64 total_size = 3;`),
			want: `page items=users size=max_results token=page_token next=next_page_token total=total_size
				page, certain: items: users, the only repeated field`,
		},
		{
			name:  "page_size as int64, optional",
			proto: list("ListUsers", `optional int64 page_size = 100; optional string page_token = 101;`, `repeated User users = 1; string next_page_token = 100;`),
			want: `page items=users` + pageFields + `
				page, certain: items: users, the only repeated field`,
		},
		{
			name:  "tokens of bytes, by one name in both directions",
			proto: list("ListUsers", `int32 maximum_page_size = 1; bytes next_page_token = 2;`, `repeated User users = 1; bytes next_page_token = 2;`),
			want: `page items=users size=maximum_page_size token=next_page_token next=next_page_token
				page, likely: items: users, the only repeated field; size: maximum_page_size, by its name advice=page: {size: "maximum_page_size"}`,
		},
		{
			name:  "continuation_token in both directions, and a size as Int32Value",
			proto: list("ReadChanges", `google.protobuf.Int32Value page_size = 1; string continuation_token = 2;`, `repeated User changes = 1; string continuation_token = 2;`),
			want: `page items=changes size=page_size token=continuation_token next=continuation_token
				page, certain: items: changes, the only repeated field`,
		},
		{
			name:  "cursor and limit",
			proto: list("ListUsers", `int32 limit = 1; string cursor = 2;`, `repeated User users = 1; string next_cursor = 2;`),
			want: `page items=users size=limit token=cursor next=next_cursor
				page, likely: items: users, the only repeated field; size: limit, by its name advice=page: {size: "limit"}`,
		},
		{
			name:  "no size",
			proto: list("ListUsers", `string page_token = 2;`, `repeated User users = 1; `+nextToken),
			want: `page items=users token=page_token next=next_page_token
				page, certain: items: users, the only repeated field`,
		},
		{
			name:  "skip",
			proto: list("ListUsers", pageRequest+`int32 skip = 3;`, `repeated User users = 1; `+nextToken),
			want: `page items=users` + pageFields + ` skip=skip
				page, certain: items: users, the only repeated field`,
		},
		{
			name:  "tokens of two types",
			proto: list("ListUsers", `int32 page_size = 1; bytes page_token = 2;`, `repeated User users = 1; `+nextToken),
		},
		{
			name:  "a token that is repeated, and one that is deprecated",
			proto: list("ListUsers", `int32 page_size = 1; repeated string page_token = 2; string cursor = 3 [deprecated = true];`, `repeated User users = 1; `+nextToken),
		},
		{
			name:  "nothing to list",
			proto: list("ListUsers", pageRequest, `User user = 1; `+nextToken),
		},
		{
			name:  "a stream",
			proto: `service S { rpc ListUsers(Req) returns (stream Resp); } message Req {` + pageRequest + `} message Resp { repeated string users = 1;` + nextToken + `}`,
		},
	})
}

func TestItemsAreChosenAmongLists(t *testing.T) {
	run(t, []testCase{
		{
			name:  "by far not the first number, as in compute",
			proto: list("List", pageRequest, `repeated User items = 100526016; `+nextToken),
			want: `page items=items` + pageFields + `
				page, certain: items: items, the only repeated field`,
		},
		{
			name:  "warnings before the items, as in sql",
			proto: list("List", pageRequest, `repeated User warnings = 1; `+nextToken+` repeated User items = 3;`),
			want: `page items=items` + pageFields + `
				page, certain: items: items, the only repeated field beside warnings`,
		},
		{
			name:  "a list that is deprecated",
			proto: list("SearchIpResources", pageRequest, `repeated User ranges = 1 [deprecated = true]; `+nextToken+` repeated User results = 3;`),
			want: `page items=results` + pageFields + `
				page, certain: items: results, the only repeated field beside ranges, which is deprecated`,
		},
		{
			name:  "what could not be reached",
			proto: list("ListUsers", pageRequest, `repeated User users = 1; `+nextToken+` repeated string unreachable = 3; repeated google.rpc.Status problems = 4;`),
			want: `page items=users` + pageFields + `
				page, certain: items: users, the only repeated field beside unreachable and problems`,
		},
		{
			name: "much that goes with it",
			proto: list("ListUsers", pageRequest, `repeated User users = 1; `+nextToken+` repeated string unreachables = 3; map<string, string> labels = 4;
				repeated string missing_ids = 5; repeated string response_headers = 6;`),
			want: `page items=users` + pageFields + `
				page, certain: items: users, the only repeated field beside unreachables and 3 more`,
		},
		{
			name:  "a list of what usually goes with one",
			proto: list("ListLinks", pageRequest, `repeated User links = 1; repeated string labels = 3;`+nextToken),
			want: `page items=links` + pageFields + `
				page, certain: items: links, the only repeated field beside labels`,
		},
		{
			name:  "only what goes with a list",
			proto: list("SearchUsers", pageRequest, `repeated string errors = 1;`+nextToken),
			want:  `page, possible: items: errors, whose name suggests details of a list advice=page: {items: "errors"}`,
		},
		{
			name:  "named after the method",
			proto: list("ListTopUsers", pageRequest, `repeated Group groups = 1; repeated User users = 3;`+nextToken),
			want: `page items=users` + pageFields + `
				page, certain: items: users, named after the method`,
		},
		{
			name:  "named more than the method",
			proto: list("SearchUsers", pageRequest, `repeated Group groups = 1; repeated User found_users = 3;`+nextToken),
			want: `page items=found_users` + pageFields + `
				page, certain: items: found_users, named after the method`,
		},
		{
			name:  "rows",
			proto: list("Query", pageRequest, `repeated Group columns = 1; repeated User rows = 3;`+nextToken),
			want: `page items=rows` + pageFields + `
				page, certain: items: rows, by its name`,
		},
		{
			name:  "the only resource",
			proto: list("Search", pageRequest, `repeated Group groups = 1; repeated Book hits = 3;`+nextToken),
			want: `page items=hits` + pageFields + `
				page, certain: items: hits, the only list of a resource`,
		},
		{
			name:  "several resources",
			proto: list("Search", pageRequest, `repeated Book old = 3; repeated Book new = 1;`+nextToken),
			want: `page items=new` + pageFields + `
				page, likely: items: new, the first of several lists, by field number advice=page: {items: "new"}`,
		},
		{
			name:  "the only list of messages",
			proto: list("Search", pageRequest, `repeated string words = 1; repeated User hits = 3;`+nextToken),
			want: `page items=hits` + pageFields + `
				page, likely: items: hits, the only list of messages advice=page: {items: "hits"}`,
		},
		{
			name:  "a map",
			proto: list("AggregatedList", pageRequest, `map<string, User> items = 1; repeated string unreachables = 3;`+nextToken),
			want: `page items=items` + pageFields + ` map=true
				page, certain: items: items, the only map beside unreachables`,
		},
		{
			name:  "enums",
			proto: list("ListRoles", pageRequest, `repeated Role roles = 1;`+nextToken),
			want: `page items=roles` + pageFields + `
				page, certain: items: roles, the only repeated field`,
		},
		{
			name:  "texts",
			proto: list("ListNames", pageRequest, `repeated string names = 1;`+nextToken),
			want: `page items=names` + pageFields + `
				page, certain: items: names, the only repeated field`,
		},
		{
			name: "a history beside its raw form, as in temporal",
			proto: list("GetWorkflowExecutionHistory", `int32 maximum_page_size = 1; bytes next_page_token = 2;`,
				`History history = 1; repeated User raw_history = 2; bytes next_page_token = 3;`) + `message History { repeated User events = 1; }`,
			want: `page, possible: items: raw_history, while history holds a list too advice=page: {items: "raw_history"}`,
		},
		{
			name:  "a warning that holds a list, as in compute",
			proto: list("List", pageRequest, `repeated User users = 1; Data warning = 3;`+nextToken) + `message Data { repeated User data = 1; }`,
			want: `page items=users` + pageFields + `
				page, certain: items: users, the only repeated field`,
		},
		{
			name:  "a summary that holds a list beside items that are named so",
			proto: list("ListUsers", pageRequest, `repeated User users = 1; Data summary = 3;`+nextToken) + `message Data { repeated User data = 1; }`,
			want: `page items=users` + pageFields + `
				page, certain: items: users, the only repeated field`,
		},
	})
}

func TestTokensOfLooseNamesAreLikely(t *testing.T) {
	run(t, []testCase{
		{
			name:  "one name in both directions",
			proto: list("ListUsers", `int32 page_size = 1; string page_token = 2;`, `repeated User users = 1; string page_token = 2;`),
			want: `page items=users size=page_size token=page_token next=page_token
				page, likely: items: users, the only repeated field; token: page_token, and page_token in the response, by their names advice=page: {token: "page_token", next_token: "page_token"}`,
		},
		{
			name:  "a token of a list",
			proto: list("ListUsers", `int32 limit = 1; bytes list_token = 2;`, `repeated User users = 1; bytes list_token = 2;`),
			want: `page items=users size=limit token=list_token next=list_token
				page, likely: items: users, the only repeated field; token: list_token, and list_token in the response, by their names; size: limit, by its name advice=page: {token: "list_token", next_token: "list_token", size: "limit"}`,
		},
		{
			name:  "a token",
			proto: list("ListUsers", `int32 page_size = 1; string token = 2;`, `repeated User users = 1; string next_token = 2;`),
			want: `page items=users size=page_size token=token next=next_token
				page, likely: items: users, the only repeated field; token: token, and next_token in the response, by their names advice=page: {token: "token", next_token: "next_token"}`,
		},
		{
			name:  "a token of something else",
			proto: list("ListUsers", `string token = 2;`, `repeated User users = 1; string token = 2;`),
			want:  ``,
		},
	})
}

func TestListsThatPageInOtherWaysAreReported(t *testing.T) {
	const messages = `message Page { uint32 limit = 1; string token = 2; } message Next { string next_token = 1; }`
	run(t, []testCase{
		{
			name: "a key in a message of a chain's SDK",
			proto: list("ListUsers", `PageRequest pagination = 1;`, `repeated User users = 1; PageResponse pagination = 2;`) +
				`message PageRequest { bytes key = 1; uint64 offset = 2; uint64 limit = 3; } message PageResponse { bytes next_key = 1; uint64 total = 2; }`,
			want: `page, possible: pagination.key and pagination.next_key look like page tokens ` +
				`advice=page: {items: "users", size: "pagination.limit", token: "pagination.key", next_token: "pagination.next_key"}`,
		},
		{
			name:  "tokens in messages",
			proto: list("ListUsers", `Page page = 1;`, `repeated User users = 1; Next page_info = 2;`) + messages,
			want: `page, possible: page.token and page_info.next_token look like page tokens ` +
				`advice=page: {items: "users", size: "page.limit", token: "page.token", next_token: "page_info.next_token"}`,
		},
		{
			name:  "a token in a message on one side",
			proto: list("ListUsers", pageRequest, `repeated User users = 1; Next paging = 2;`) + messages,
			want: `page, possible: page_token and paging.next_token look like page tokens ` +
				`advice=page: {items: "users", size: "page_size", token: "page_token", next_token: "paging.next_token"}`,
		},
		{
			name:  "limit and offset",
			proto: list("ListUsers", `int32 limit = 1; int32 offset = 2;`, `repeated User users = 1; int64 total = 2;`),
			want:  `page, possible: limit and offset look like a page without a token advice=page: {items: "users", size: "limit", skip: "offset"}`,
		},
		{
			name:  "limit alone",
			proto: list("ListUsers", `int32 limit = 1;`, `repeated User users = 1;`),
		},
		{
			name:  "what could be several patterns",
			proto: list("BatchGetUsers", `int32 limit = 1; int32 offset = 2; repeated string names = 3;`, `repeated User users = 1;`),
			want: `batch mode=ordered children=names results=users
				page, possible: limit and offset look like a page without a token advice=page: {items: "users", size: "limit", skip: "offset"}
				batch, certain: children: names, the only list of scalars; results: users, in the same order`,
		},
	})
}

// TestIdempotencyKeysOfLists checks that the token is not bound to the idempotency key, and that a
// possible filter is never changed.
func TestIdempotencyKeysOfLists(t *testing.T) {
	run(t, []testCase{
		{
			name:  "by its format",
			proto: list("ListUsers", pageRequest+`string request_id = 3 [(standins.info).format = 1];`, `repeated User users = 1; `+nextToken),
			want: `page items=users` + pageFields + ` id=request_id
				page, certain: items: users, the only repeated field`,
		},
		{
			name:  "only by its name",
			proto: list("ListUsers", pageRequest+`string request_id = 3;`, `repeated User users = 1; `+nextToken),
			want: `page items=users` + pageFields + ` vary=request_id
				page, certain: items: users, the only repeated field`,
		},
		{
			name:  "by the policy",
			proto: list("ListUsers", pageRequest+`string request_id = 3;`, `repeated User users = 1; `+nextToken),
			said:  `idempotency_key: {field: "request_id"}`,
			want: `page items=users` + pageFields + ` id=request_id
				request_id field=request_id
				page, certain: items: users, the only repeated field
				idempotency_key, declared: field: request_id, as its policy says`,
		},
		{
			name:  "not at all",
			proto: list("ListUsers", pageRequest+`string request_id = 3;`, `repeated User users = 1; `+nextToken),
			said:  `idempotency_key: {off: true}`,
			want: `page items=users` + pageFields + `
				page, certain: items: users, the only repeated field`,
		},
	})
}

func TestPoliciesNameTheFieldsOfPages(t *testing.T) {
	nested := list("ListUsers", `Page page = 1; string filter = 2;`, `Found found = 1; Next next = 2;`) +
		`message Page { int32 count = 1; bytes at = 2; } message Found { repeated User users = 1; int32 total = 2; } message Next { bytes at = 1; string text = 2; }`
	plain := list("ListUsers", pageRequest+`string read_mask = 3; int32 skip = 4; int32 other = 5;`, `repeated Book books = 1; repeated User users = 3; string ghost = 5; int32 total = 4;`+nextToken)
	ambiguous := list("Search", pageRequest+`int32 n = 3;`, `repeated Book old = 3; repeated Book new = 1;`+nextToken)
	run(t, []testCase{
		{
			name: "all of them, in messages", proto: nested,
			said: `page: {items: "found.users", size: "page.count", token: "page.at", next_token: "next.at", total: "found.total"}`,
			want: `page items=found.users size=page.count token=page.at next=next.at total=found.total
				page, declared: items: found.users, as its policy says; token, next_token, size and total: as its policy says`,
		},
		{
			name: "the items", proto: plain, said: `page: {items: "books"}`,
			want: `page items=books` + pageFields + ` total=total skip=skip
				page, declared: items: books, as its policy says`,
		},
		{
			name: "the size alone, where the items are not sure", proto: ambiguous, said: `page: {size: "n"}`,
			want: `page items=new size=n token=page_token next=next_page_token
				page, likely: items: new, the first of several lists, by field number; size: as its policy says advice=page: {items: "new"}`,
		},
		{
			name: "none of some", proto: plain, said: `page: {size: "", total: "", skip: ""}`,
			want: `page items=users token=page_token next=next_page_token
				page, certain: items: users, named after the method`,
		},
		{
			name: "what may vary", proto: plain, said: `page: {vary: ["read_mask", "nope"]}`,
			want: `page items=users` + pageFields + ` total=total skip=skip vary=read_mask
				page, certain: items: users, named after the method
				problem: page.vary[1]: shop.v1.Req has no field "nope"; want one of page_size, page_token, read_mask, skip and other`,
		},
		{
			name: "an offset in place of tokens", said: `page: {items: "users", size: "limit", skip: "offset"}`,
			proto: list("ListUsers", `int32 limit = 1; int64 offset = 2;`, `repeated User users = 1; int64 total = 2;`),
			want: `page items=users size=limit total=total skip=offset
				page, declared: items: users, as its policy says; skip and size: as its policy says`,
		},
		{name: "off", proto: plain, said: `page: {off: true}`},
		{name: "off, with names", proto: plain, said: `page: {off: true, items: "nope"}`},
		{
			name: "limits", proto: plain, said: `page: {max_size: 7}`,
			want: `page items=users` + pageFields + ` total=total skip=skip
				page, certain: items: users, named after the method`,
		},
	})
}

func TestWrongNamesOfPagesAreProblems(t *testing.T) {
	plain := list("ListUsers", pageRequest+`bytes raw = 3;`, `repeated User users = 1; `+nextToken+` User one = 3;`)
	const found = `page items=users` + pageFields + `
		page, certain: items: users, the only repeated field
		`
	run(t, []testCase{
		{
			name: "no such field", proto: plain, said: `page: {items: "user"}`,
			want: found + `problem: page.items: shop.v1.Resp has no field "user"; want one of users, next_page_token and one`,
		},
		{
			name: "no list", proto: plain, said: `page: {items: "one"}`,
			want: found + `problem: page.items: "one" in shop.v1.Resp is not a repeated field or a map; name one that is`,
		},
		{
			name: "no number", proto: plain, said: `page: {size: "page_token"}`,
			want: found + `problem: page.size: "page_token" in shop.v1.Req is not an integer, or a wrapper of one; name one that is`,
		},
		{
			name: "a path through a list", proto: plain, said: `page: {items: "users.name"}`,
			want: found + `problem: page.items: "users" is not a single message, so it cannot have a field "name"; name an existing field`,
		},
		{
			name: "a path through a text", proto: plain, said: `page: {token: "page_token.x"}`,
			want: found + `problem: page.token: "page_token" is not a single message, so it cannot have a field "x"; name an existing field`,
		},
		{
			name: "nothing", proto: plain, said: `page: {token: ""}`,
			want: found + `problem: page.token: it is empty; name a field, or remove it`,
		},
		{
			name: "tokens of two types", proto: plain, said: `page: {token: "raw", next_token: "next_page_token"}`,
			want: `problem: page.token: the response's "next_page_token" is string, and the request's "raw" is bytes; both tokens must have the same type; name other fields`,
		},
		{
			name: "no token", proto: list("ListUsers", `int32 n = 1;`, `repeated User users = 1;`), said: `page: {items: "users"}`,
			want: `problem: page.items: no string or bytes field of shop.v1.Req has the name of a page token; name it in page.token, or name an offset in page.skip if it has no tokens`,
		},
		{
			name: "no token of the next page", proto: list("ListUsers", pageRequest, `repeated User users = 1;`), said: `page: {size: "page_size"}`,
			want: `problem: page.size: no string or bytes field of shop.v1.Resp has the name of a token of the next page; name it in page.next_token`,
		},
		{
			name: "no items", proto: list("ListUsers", pageRequest, nextToken), said: `page: {size: "page_size"}`,
			want: `problem: page.size: shop.v1.Resp has no repeated field or map; name one of a nested message in page.items, with a dot`,
		},
		{
			name: "a message without fields", proto: list("ListUsers", ``, ``), said: `page: {token: "page_token"}`,
			want: `problem: page.token: shop.v1.Req has no fields, so not "page_token"; remove it`,
		},
		{
			name:  "a method that streams",
			proto: `service S { rpc L(Req) returns (stream Resp); } message Req {` + pageRequest + `} message Resp { repeated string users = 1;` + nextToken + `}`,
			said:  `page: {max_size: 3, items: "users"} batch: {children: "x"} operation: {conflict_key: "y"} idempotency_key: {field: "z"}`,
			want: `problem: operation.conflict_key: it names a field of a method that streams, and is for methods without a stream; remove it
				problem: page.items: it names a field of a method that streams, and is for methods without a stream; remove it
				problem: batch.children: it names a field of a method that streams, and is for methods without a stream; remove it
				problem: idempotency_key.field: it names a field of a method that streams, and is for methods without a stream; remove it`,
		},
		{
			name:  "a method that streams, with limits",
			proto: `service S { rpc L(stream Req) returns (Resp); } message Req {} message Resp {}`,
			said:  `page: {max_size: 3} batch: {off: true, children: "x"} operation: {lease: "3s"}`,
		},
	})
}
