package pattern_test

import "testing"

// users returns a service whose first method is a batch, with methods for one user and the messages
// of batches.
func users(method, request, response, messages string) string {
	return `service S { rpc ` + method + `(Req) returns (Resp);
			rpc GetUser(GetUserRequest) returns (User); rpc CreateUser(CreateUserRequest) returns (User); rpc DeleteUser(DeleteUserRequest) returns (google.protobuf.Empty);
			rpc Watch(WatchRequest) returns (stream User); }
		message Req {` + request + `} message Resp {` + response + `} message User { string name = 1; } message Group { string name = 1; } enum Role { ROLE_UNSPECIFIED = 0; }
		message GetUserRequest { int32 id = 1; string view = 2; } message DeleteUserRequest { string name = 1; string request_id = 2; } message WatchRequest { string name = 1; }
		message CreateUserRequest { string parent = 1; User user = 2; string request_id = 3; bool validate_only = 4; google.protobuf.FieldMask update_mask = 5; Role role = 6; repeated string tags = 7; int32 kind = 8; }
		message Result { google.rpc.Status status = 1; User user = 2; int32 index = 3; }` + messages
}

func TestBatchesAreFoundByNamesAndFields(t *testing.T) {
	run(t, []testCase{
		{
			name:  "as the skill has it",
			proto: users("BatchGetUsers", `repeated int32 user_ids = 1;`, `map<int32, User> users = 1; repeated int32 not_found = 2;`, ``),
			want: `batch mode=keyed children=user_ids results=users missing=not_found single=GetUser
				batch, certain: children: user_ids, the only list of scalars; results: a map by child, what is missing in not_found`,
		},
		{
			name:  "a map of texts by text, with nothing for what is missing",
			proto: users("MultiGetNames", `repeated string keys = 1;`, `map<string, string> values = 1; map<string, string> labels = 2;`, ``),
			want: `batch mode=keyed children=keys results=values
				batch, certain: children: keys, the only list of scalars; results: a map by child`,
		},
		{
			name:  "a map that is not a map keyed by child",
			proto: users("BatchGetUsers", `repeated string ids = 1;`, `Result status = 1; map<string, string> extra_info = 2;`, ``),
			want: `batch, possible: children: ids, the only list of scalars; results: a map by child; ` +
				`extra_info is named neither like the children nor like what the method is about advice=batch: {results: "extra_info"}`,
		},
		{
			name:  "results beside a map that is not a map keyed by child",
			proto: users("BatchGetUsers", `repeated string ids = 1;`, `map<string, string> extra_info = 1; repeated User found = 2;`, ``),
			want: `batch mode=ordered children=ids results=found single=GetUser
				batch, certain: children: ids, the only list of scalars; results: found, in the same order`,
		},
		{
			name: "what covers ranges, and belongs to none of them",
			proto: `service S { rpc BatchScanRegions(Req) returns (Resp); } message Req { repeated KeyRange ranges = 1; int32 limit = 2; }
				message KeyRange { bytes start_key = 1; } message Resp { repeated Region regions = 1; } message Region { string name = 1; }`,
			want: `batch, possible: children: ranges, the only list of messages, which are not what the method is about; ` +
				`results: regions, in the same order; regions is named neither like the children nor like what the method is about ` +
				`advice=batch: {children: "ranges", results: "regions"}`,
		},
		{
			name: "further information, where the method names nothing",
			proto: `service S { rpc BatchStatus(Req) returns (Resp); } message Req { repeated string names = 1; }
				message Resp { map<string, string> extra_info = 1; }`,
			want: `batch, possible: children: names, the only list of scalars; results: a map by child; ` +
				`extra_info is named neither like the children nor like what the method is about advice=batch: {results: "extra_info"}`,
		},
		{
			name: "regions, where the method names nothing",
			proto: `service S { rpc BatchScan(Req) returns (Resp); } message Req { repeated KeyRange ranges = 1; }
				message KeyRange { bytes start_key = 1; } message Resp { repeated Region regions = 1; } message Region { string name = 1; }`,
			want: `batch, possible: children: ranges, the only list of messages; results: regions, in the same order; ` +
				`regions is named neither like the children nor like what the method is about ` +
				`advice=batch: {children: "ranges", results: "regions"}`,
		},
		{
			name: "a map of messages, where the method names nothing",
			proto: `service S { rpc BatchGet(Req) returns (Resp); } message Req { repeated string ids = 1; }
				message Resp { map<string, User> users = 1; } message User { string id = 1; }`,
			want: "batch mode=keyed children=ids results=users\n" +
				"batch, certain: children: ids, the only list of scalars; results: a map by child",
		},
		{
			name: "rules by which a method works that names nothing",
			proto: `service S { rpc BatchRewrite(Req) returns (Resp); } message Req { repeated RewriteRule rules = 1; }
				message RewriteRule { string from = 1; string to = 2; } message Resp {}`,
			want: `batch, possible: children: rules, the only list of messages, which are not what the method is about; no results advice=batch: {children: "rules"}`,
		},
		{
			name: "rules by which a method works",
			proto: `service S { rpc BatchRewriteObjects(Req) returns (Resp); } message Req { repeated RewriteRule rules = 1; }
				message RewriteRule { string from = 1; string to = 2; } message Resp {}`,
			want: `batch, possible: children: rules, the only list of messages, which are not what the method is about; no results advice=batch: {children: "rules"}`,
		},
		{
			name:  "a list of what the ids are, named like ids",
			proto: users("BatchGetUsers", `repeated string user_ids = 1; repeated Role user_keys = 2;`, `repeated User users = 1;`, ``),
			want: `batch mode=ordered children=user_ids results=users single=GetUser
				batch, likely: children: user_ids, the only list that is named like ids; results: users, in the same order advice=batch: {children: "user_ids"}`,
		},
		{
			name:  "ids and keys of one type in Go",
			proto: users("BatchGetUsers", `repeated sint64 ids = 1;`, `map<int64, User> users = 1; repeated sfixed64 missing_ids = 2; repeated string unknown = 3;`, ``),
			want: `batch mode=keyed children=ids results=users missing=missing_ids single=GetUser
				batch, certain: children: ids, the only list of scalars; results: a map by child, what is missing in missing_ids`,
		},
		{
			name: "names and a parent, as in AIP-231",
			proto: users("BatchGetUsers", `string parent = 1; repeated string names = 2 [(standins.reference).type = "u"];`,
				`repeated User users = 1;`, ``),
			want: `batch mode=ordered children=names results=users hoisted=parent single=GetUser
				batch, certain: children: names, the only list of scalars; results: users, in the same order`,
		},
		{
			name:  "names that may be no names of resources",
			proto: users("BatchGetUsers", `string parent = 1; repeated string names = 2;`, `repeated User users = 1;`, ``),
			want: `batch mode=ordered children=names results=users single=GetUser
				batch, certain: children: names, the only list of scalars; results: users, in the same order`,
		},
		{
			name: "requests, with what they have in common",
			proto: users("BatchCreateUsers", `string parent = 1; repeated CreateUserRequest requests = 2; string request_id = 3; bool validate_only = 4;
				google.protobuf.FieldMask update_mask = 5; Role role = 6; repeated string tags = 7; string kind = 8;`, `repeated User users = 1;`, ``),
			want: `batch mode=ordered children=requests results=users hoisted=parent,validate_only,update_mask,role single=CreateUser id=request_id
				request_id field=request_id
				batch, certain: children: requests, each a request of CreateUser; results: users, in the same order
				idempotency_key, certain: field: request_id, by its name`,
		},
		{
			name: "the name of a batch at its end, and results of another type",
			proto: `service S { rpc SearchBatch(Req) returns (Resp); rpc Search(SearchPoints) returns (Found); }
				message Req { repeated SearchPoints search_points = 1; } message SearchPoints { string q = 1; } message Found { repeated int32 ids = 1; }
				message Resp { repeated BatchResult result = 1; double time = 2; } message BatchResult { repeated int32 ids = 1; }`,
			want: `batch mode=ordered children=search_points results=result single=Search
				batch, certain: children: search_points, each a request of Search; results: result, in the same order`,
		},
		{
			name:  "no batch by its name, but by its requests and results",
			proto: users("CreateUsers", `repeated CreateUserRequest requests = 2;`, `repeated User users = 1; repeated string words = 2;`, ``),
			want: `batch mode=ordered children=requests results=users single=CreateUser
				batch, certain: children: requests, each a request of CreateUser; results: users, in the same order`,
		},
		{
			name: "requests of another method, and results that nothing bears out, as in milvus",
			proto: `service S { rpc HybridSearch(Req) returns (Resp); rpc Search(SearchRequest) returns (SearchResults); }
				message Req { repeated SearchRequest requests = 1; } message SearchRequest { string q = 1; } message SearchResults { string x = 1; }
				message Resp { repeated Hit hits = 1; } message Hit { string x = 1; }`,
			want: `batch, possible: children: requests, each a request of Search; results: hits, in the same order; ` +
				`hits is named neither like the children nor like what the method is about advice=batch: {children: "requests", results: "hits"}`,
		},
		{
			name: "requests of another method, and no results",
			proto: `service S { rpc HybridSearch(Req) returns (SearchResults); rpc Search(SearchRequest) returns (SearchResults); }
				message Req { repeated SearchRequest requests = 1; } message SearchRequest { string q = 1; } message SearchResults { string x = 1; }`,
			want: `batch, possible: children: requests, each a request of Search; SearchResults has no result for each child advice=batch: {children: "requests", mode: MODE_ATOMIC}`,
		},
		{
			name: "a list of what another method takes, by chance",
			proto: `service S { rpc NotifyUsers(Req) returns (Resp); rpc CreateUser(User) returns (User); }
				message Req { repeated User users = 1; string text = 2; } message Resp { repeated Receipt receipts = 1; } message User { string n = 1; } message Receipt { string n = 1; }`,
			want: `batch, possible: children: users, each a request of CreateUser; results: receipts, in the same order; ` +
				`receipts is named neither like the children nor like what the method is about advice=batch: {children: "users", results: "receipts"}`,
		},
		{
			name: "a list of what another method takes, and gives",
			proto: `service S { rpc SyncUsers(Req) returns (Resp); rpc CreateUser(User) returns (User); }
				message Req { repeated User users = 1; string text = 2; } message Resp { repeated User users = 1; } message User { string n = 1; }`,
			want: `batch mode=ordered children=users results=users single=CreateUser
				batch, likely: children: users, each a request of CreateUser; results: users, in the same order advice=batch: {children: "users"}`,
		},
		{
			name: "entities that are requests of the method for one",
			proto: `service S { rpc DeleteUser(User) returns (User); rpc BulkCreateUsers(Users) returns (Users); rpc CreateUser(User) returns (User); }
				message Users { repeated User users = 1; } message User { string n = 1; }`,
			method: "BulkCreateUsers",
			want: `batch mode=ordered children=users results=users single=CreateUser
				batch, certain: children: users, each a request of CreateUser; results: users, in the same order`,
		},
		{
			name: "entities that are requests of another method",
			proto: `service S { rpc DeleteUser(User) returns (User); rpc BatchCreateUsers(Users) returns (Users); }
				message Users { repeated User users = 1; } message User { string n = 1; }`,
			method: "BatchCreateUsers",
			want: `batch mode=ordered children=users results=users
				batch, likely: children: users, the only list of messages; results: users, in the same order advice=batch: {children: "users"}`,
		},
		{
			name:  "entities",
			proto: users("BatchUpdateUsers", `repeated User users = 1; string parent = 2;`, `repeated User users = 1;`, ``),
			want: `batch mode=ordered children=users results=users
				batch, likely: children: users, the only list of messages; results: users, in the same order advice=batch: {children: "users"}`,
		},
		{
			name:  "nothing to return",
			proto: `service S { rpc BatchDeleteUsers(Req) returns (google.protobuf.Empty); } message Req { repeated string names = 1; string request_id = 2; }`,
			want: `batch mode=done children=names id=request_id
				request_id field=request_id
				batch, certain: children: names, the only list of scalars; no results
				idempotency_key, certain: field: request_id, by its name`,
		},
		{
			name:  "a message of its own for nothing",
			proto: users("BatchDeleteUsers", `repeated DeleteUserRequest requests = 1;`, ``, ``),
			want: `batch mode=done children=requests single=DeleteUser
				batch, certain: children: requests, each a request of DeleteUser; no results`,
		},
		{
			name:  "a count",
			proto: users("BatchDeleteUsers", `repeated string names = 1;`, `int32 deleted = 1;`, ``),
			want: `batch, possible: children: names, the only list of scalars; Resp has no result for each child ` +
				`advice=batch: {children: "names", mode: MODE_ATOMIC}`,
		},
		{
			name:  "several requests",
			proto: users("BatchCreateUsers", `repeated CreateUserRequest requests = 1; repeated DeleteUserRequest undo = 2;`, `repeated User users = 1;`, ``),
			want: `batch mode=ordered children=requests results=users single=CreateUser
				batch, certain: children: requests, each a request of CreateUser; results: users, in the same order`,
		},
		{
			name:  "several lists, one of ids",
			proto: users("BatchTagUsers", `repeated string user_ids = 1; repeated string tags = 2;`, `repeated User users = 1;`, ``),
			want: `batch mode=ordered children=user_ids results=users
				batch, likely: children: user_ids, the only list that is named like ids; results: users, in the same order advice=batch: {children: "user_ids"}`,
		},
		{
			name:  "several lists",
			proto: users("BatchTagUsers", `repeated string whom = 1; repeated string tags = 2;`, `repeated User users = 1;`, ``),
			want:  `batch, possible: children: whom, one of several lists; results: users, in the same order advice=batch: {children: "whom"}`,
		},
		{
			name:  "ids that cannot be told apart in Go",
			proto: users("BatchGetUsers", `repeated bytes ids = 1;`, `repeated User users = 1;`, ``),
		},
		{
			name:  "a word that only begins like one for a batch",
			proto: users("Multiply", `repeated int32 factors = 1;`, `repeated User users = 1;`, ``),
		},
		{
			name:  "a stream",
			proto: `service S { rpc BatchGetUsers(stream Req) returns (Resp); } message Req { repeated int32 ids = 1; } message Resp { repeated Req r = 1; }`,
		},
	})
}

func TestResultsAreFoundByTheirShape(t *testing.T) {
	run(t, []testCase{
		{
			name:  "a status or a user each",
			proto: users("BatchGetUsers", `repeated int32 ids = 1;`, `repeated Result results = 1;`, ``),
			want: `batch mode=per_item children=ids results=results status=status value=user single=GetUser
				batch, certain: children: ids, the only list of scalars; results: results, each with user or status`,
		},
		{
			name: "a oneof of an error and a user, beside other messages",
			proto: users("BatchGetUsers", `repeated int32 ids = 1;`, `repeated Either results = 1;`,
				`message Either { Group group = 1; oneof either { google.rpc.Status error = 2; User user = 3; } }`),
			want: `batch mode=per_item children=ids results=results status=error value=user single=GetUser
				batch, certain: children: ids, the only list of scalars; results: results, each with user or error`,
		},
		{
			name: "a status of their own that is encoded like Google's",
			proto: users("BatchCreateUsers", `repeated CreateUserRequest requests = 1;`, `repeated Own results = 1;`,
				`message Own { ItemStatus status = 1; User user = 2; } message ItemStatus { int32 code = 1; string message = 2; }`),
			want: `batch mode=per_item children=requests results=results status=status value=user single=CreateUser
				batch, certain: children: requests, each a request of CreateUser; results: results, each with user or status`,
		},
		{
			name: "a status that is something else",
			proto: users("BatchGetUsers", `repeated int32 ids = 1;`, `repeated Own results = 1;`,
				`message Own { ItemStatus status = 1; User user = 2; } message ItemStatus { string reason = 1; string message = 2; }`),
			want: `batch mode=ordered children=ids results=results single=GetUser
				batch, certain: children: ids, the only list of scalars; results: results, in the same order`,
		},
		{
			name: "a status in what one call returns too",
			proto: `service S { rpc BatchGet(Req) returns (Resp); rpc Get(GetRequest) returns (Result); } message GetRequest { int32 id = 1; }
				message Req { repeated GetRequest requests = 1; } message Resp { repeated Result results = 1; } message Result { google.rpc.Status status = 1; User user = 2; } message User {}`,
			want: `batch mode=ordered children=requests results=results single=Get
				batch, certain: children: requests, each a request of Get; results: results, in the same order`,
		},
		{
			name:  "results among other lists, by what one call returns",
			proto: users("BatchGetUsers", `repeated int32 ids = 1;`, `repeated Group groups = 1; repeated User found = 2;`, ``),
			want: `batch mode=ordered children=ids results=found single=GetUser
				batch, certain: children: ids, the only list of scalars; results: found, in the same order`,
		},
		{
			name:  "results among other lists, by name",
			proto: users("BatchFetchGroups", `repeated int32 ids = 1;`, `repeated User users = 1; repeated Group groups = 2; repeated google.rpc.Status warnings = 3;`, ``),
			want: `batch mode=ordered children=ids results=groups
				batch, certain: children: ids, the only list of scalars; results: groups, in the same order`,
		},
		{
			name:  "results that are not to be told from others",
			proto: users("BatchFetch", `repeated int32 ids = 1;`, `repeated User a = 1; repeated Group b = 2;`, ``),
			want:  `batch, possible: children: ids, the only list of scalars; Resp has several lists: a and b advice=batch: {results: "a"}`,
		},
		{
			name:  "a list that may be shorter",
			proto: users("BatchGetUsers", `repeated int32 ids = 1;`, `repeated User users = 1; repeated int32 not_found = 2;`, ``),
			want: `batch mode=ordered children=ids results=users single=GetUser
				batch, likely: children: ids, the only list of scalars; results: users, in the same order, while not_found stays empty advice=batch: {mode: MODE_ATOMIC}`,
		},
		{
			name:  "a map by something else",
			proto: users("BatchGetUsers", `repeated int32 ids = 1;`, `map<string, User> users = 1;`, ``),
			want:  `batch, possible: children: ids, the only list of scalars; Resp has no result for each child`,
		},
		{
			name:  "a map for messages, as in openfga",
			proto: users("BatchCheck", `repeated Check checks = 1;`, `map<string, User> result = 1;`, `message Check { string correlation_id = 1; }`),
			want:  `batch, possible: children: checks, the only list of messages; Resp has no result for each child`,
		},
	})
}

func TestPoliciesNameTheFieldsOfBatches(t *testing.T) {
	odd := users("FindAll", `Filter filter = 1;`, `Found found = 1; repeated int32 lost = 2;`, `message Filter { repeated int32 ids = 1; repeated int32 more = 2; }
		message Found { map<int32, User> users = 1; repeated Result results = 2; repeated User list = 3; map<string, User> other = 4; }`)
	keyed := users("BatchGetUsers", `repeated int32 user_ids = 1; bytes raw = 2;`, `map<int32, User> users = 1; repeated int32 not_found = 2; repeated User list = 3;`, ``)
	perItem := users("BatchGetUsers", `repeated int32 ids = 1;`, `repeated Result results = 1; repeated int32 lost = 2;`, ``)
	run(t, []testCase{
		{
			name: "all of them, in messages", proto: odd, said: `batch: {children: "filter.ids", results: "found.users", missing: "lost"}`,
			want: `batch mode=keyed children=filter.ids results=found.users missing=lost
				batch, declared: children: filter.ids, as its policy says; results: a map by child, what is missing in lost`,
		},
		{
			name: "a list with a status each", proto: odd, said: `batch: {children: "filter.ids", results: "found.results"}`,
			want: `batch mode=per_item children=filter.ids results=found.results status=status value=user
				batch, declared: children: filter.ids, as its policy says; results: found.results, each with user or status`,
		},
		{
			name: "a list with a status each, as one", proto: odd, said: `batch: {children: "filter.ids", results: "found.results", mode: MODE_ATOMIC}`,
			want: `batch mode=ordered children=filter.ids results=found.results
				batch, declared: children: filter.ids, as its policy says; results: found.results, in the same order`,
		},
		{
			name: "nothing for what is missing", proto: keyed, said: `batch: {missing: ""}`,
			want: `batch mode=keyed children=user_ids results=users single=GetUser
				batch, certain: children: user_ids, the only list of scalars; results: a map by child`,
		},
		{
			name: "no results", said: `batch: {mode: MODE_ATOMIC}`, proto: users("BatchDeleteUsers", `repeated string names = 1;`, `int32 deleted = 1;`, ``),
			want: `batch mode=done children=names single=DeleteUser
				batch, certain: children: names, the only list of scalars; no results`,
		},
		{name: "off", proto: keyed, said: `batch: {off: true, children: "nope"}`},
		{
			name: "children that are none", proto: keyed, said: `batch: {children: "raw"}`,
			want: `batch mode=keyed children=user_ids results=users missing=not_found single=GetUser
				batch, certain: children: user_ids, the only list of scalars; results: a map by child, what is missing in not_found
				problem: batch.children: "raw" in shop.v1.Req is not a repeated field of messages, strings, integers or enums; name one that is`,
		},
		{
			name: "results by another key", proto: odd, said: `batch: {children: "filter.ids", results: "found.other"}`,
			want: `problem: batch.results: "found.other" in shop.v1.Resp is not a repeated field, or a map by the type of the children; name one that is`,
		},
		{
			name: "no children", proto: odd, said: `batch: {results: "found.users"}`,
			want: `problem: batch.results: the list of children in shop.v1.Req was not detected; name it in batch.children`,
		},
		{
			name: "no results of children", proto: odd, said: `batch: {children: "filter.ids"}`,
			want: `problem: batch.children: shop.v1.Resp has no result for each child; name the results in batch.results, or set batch.mode to MODE_ATOMIC if it has none`,
		},
		{
			name: "missing without a map", proto: perItem, said: `batch: {missing: "lost"}`,
			want: `batch mode=per_item children=ids results=results status=status value=user single=GetUser
				batch, certain: children: ids, the only list of scalars; results: results, each with user or status
				problem: batch.missing: "results" in shop.v1.Resp has a result for each child, and only a map can omit some; remove missing`,
		},
		{
			name: "a mode that cannot be: keyed", proto: perItem, said: `batch: {mode: MODE_KEYED}`,
			want: `batch mode=per_item children=ids results=results status=status value=user single=GetUser
				batch, certain: children: ids, the only list of scalars; results: results, each with user or status
				problem: batch.mode: "results" in shop.v1.Resp is not a map keyed by child; remove mode, or name other results`,
		},
		{
			name: "a mode that cannot be: per item", proto: keyed, said: `batch: {results: "list", mode: MODE_PER_ITEM}`,
			want: `batch mode=ordered children=user_ids results=list single=GetUser
				batch, likely: children: user_ids, the only list of scalars; results: list, in the same order, while not_found stays empty advice=batch: {mode: MODE_ATOMIC}
				problem: batch.mode: "list" in shop.v1.Resp is not a list of messages that each have a google.rpc.Status and one other message; remove mode, or name other results`,
		},
		{
			name: "a mode that cannot be: atomic", proto: keyed, said: `batch: {mode: MODE_ATOMIC}`,
			want: `batch mode=keyed children=user_ids results=users missing=not_found single=GetUser
				batch, certain: children: user_ids, the only list of scalars; results: a map by child, what is missing in not_found
				problem: batch.mode: "users" in shop.v1.Resp is a map, which has no order; remove mode, or name other results`,
		},
		{
			name: "a mode without results", said: `batch: {mode: MODE_KEYED}`, proto: users("BatchDeleteUsers", `repeated string names = 1;`, ``, ``),
			want: `batch mode=done children=names single=DeleteUser
				batch, certain: children: names, the only list of scalars; no results
				problem: batch.mode: shop.v1.Resp has no results; remove mode, or set MODE_ATOMIC`,
		},
		{
			name: "a page too", said: `batch: {children: "user_ids"} page: {items: "list", size: "n"}`,
			proto: users("BatchGetUsers", `repeated int32 user_ids = 1; string page_token = 2; int32 n = 3;`, `repeated User list = 1; string next_page_token = 2;`, ``),
			want: `page items=list size=n token=page_token next=next_page_token
				page, declared: items: list, as its policy says; size: as its policy says
				problem: batch.children: page.items also names a field, and a method is either paged or a batch; remove one of them`,
		},
		{
			name: "a batch that is named overrides a page that is found", said: `batch: {children: "user_ids"}`,
			proto: users("BatchGetUsers", `repeated int32 user_ids = 1; string page_token = 2;`, `repeated User list = 1; string next_page_token = 2;`, ``),
			want: `batch mode=ordered children=user_ids results=list single=GetUser
				batch, declared: children: user_ids, as its policy says; results: list, in the same order`,
		},
		{
			name:  "a page that is found overrides a batch that is found",
			proto: users("BatchGetUsers", `repeated int32 user_ids = 1; string page_token = 2;`, `repeated User list = 1; string next_page_token = 2;`, ``),
			want: `page items=list token=page_token next=next_page_token
				page, certain: items: list, the only repeated field`,
		},
	})
}
