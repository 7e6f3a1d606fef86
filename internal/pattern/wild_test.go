package pattern_test

import "testing"

// TestNamesMayBeInCamelCase checks that detection works for protos whose field names do not follow
// the style guide.
func TestNamesMayBeInCamelCase(t *testing.T) {
	run(t, []testCase{
		{
			name:  "a page",
			proto: list("ListUsers", `int32 pageSize = 1; string pageToken = 2;`, `repeated User Users = 1; repeated string tags = 2; string nextPageToken = 3; int64 totalCount = 4;`),
			want: `page items=Users size=pageSize token=pageToken next=nextPageToken total=totalCount
				page, certain: items: Users, named after the method`,
		},
		{
			name:  "a batch",
			proto: users("BatchGetUsers", `repeated string userIds = 1; string requestId = 2;`, `map<string, User> users = 1; repeated string notFound = 2;`, ``),
			want: `batch mode=keyed children=userIds results=users missing=notFound single=GetUser
				batch, certain: children: userIds, the only list of scalars; results: a map by child, what is missing in notFound`,
		},
		{
			name:  "the right spelling of two",
			proto: list("ListUsers", `int32 page_size = 1; string next_Page_Token = 2; string page_token = 3;`, `repeated User users = 1; string next_page_token = 2;`),
			want: `page items=users size=page_size token=page_token next=next_page_token
				page, certain: items: users, the only repeated field`,
		},
	})
}

// TestListsNamedLikeSideFieldsMayBeItems checks that ListUserLabels lists labels.
func TestListsNamedLikeSideFieldsMayBeItems(t *testing.T) {
	const found = `page items=labels size=page_size token=page_token next=next_page_token
		page, certain: items: labels, named after the method`
	run(t, []testCase{
		{name: "the only one", proto: list("ListUserLabels", pageRequest, `repeated string labels = 1;`+nextToken), want: found},
		{name: "beside another", proto: list("ListUserLabels", pageRequest, `repeated string warnings = 1; repeated string labels = 3;`+nextToken), want: found},
		{
			name: "of a method of another name", proto: list("ListUsers", pageRequest, `repeated string labels = 1;`+nextToken),
			want: `page, possible: items: labels, whose name suggests details of a list advice=page: {items: "labels"}`,
		},
	})
}

// TestFlagsOfMorePagesMakePagesLikely checks that a list that marks its last page with a flag is
// not treated as certain to mark it with an empty token.
func TestFlagsOfMorePagesMakePagesLikely(t *testing.T) {
	proto := list("ListUsers", pageRequest, `repeated User users = 1; bool has_more = 3;`+nextToken)
	const found = `page items=users size=page_size token=page_token next=next_page_token
		`
	run(t, []testCase{
		{
			name: "found", proto: proto,
			want: found + `page, likely: items: users, the only repeated field; next_token: next_page_token, while has_more may say where the list ends advice=page: {next_token: "next_page_token"}`,
		},
		{
			name: "named", proto: proto, said: `page: {next_token: "next_page_token"}`,
			want: found + `page, declared: items: users, the only repeated field; next_token: as its policy says`,
		},
	})
}

// TestFieldsOfChildrenAreNotHoisted checks that the ID of the whole request is not used as the ID
// of each item.
func TestFieldsOfChildrenAreNotHoisted(t *testing.T) {
	run(t, []testCase{{
		name: "id, name, etag, and one of a oneof",
		proto: `service S { rpc BatchMoveUsers(Req) returns (Resp); rpc MoveUser(MoveUserRequest) returns (User); }
			message Req { string id = 1; string name = 2; string etag = 3; string path = 4; string parent = 5; repeated MoveUserRequest requests = 6; }
			message MoveUserRequest { string id = 1; string name = 2; string etag = 3; oneof to { string path = 4; int32 place = 5; } optional string parent = 6; }
			message Resp { repeated User users = 1; } message User { string name = 1; }`,
		want: `batch mode=ordered children=requests results=users hoisted=parent single=MoveUser
			batch, certain: children: requests, each a request of MoveUser; results: users, in the same order`,
	}})
}

// TestRequestsThatAreThingsHaveNoIdempotencyKey checks that the ID of a resource called a request
// is not treated as the idempotency key of the call.
func TestRequestsThatAreThingsHaveNoIdempotencyKey(t *testing.T) {
	method := func(service, name, fields string) string {
		return `service ` + service + ` { rpc ` + name + `(Req) returns (Resp); } message Req {` + fields + `} message Resp {}`
	}
	const possible = `idempotency_key, possible: field: request_id, while the method is about requests advice=idempotency_key: {field: "request_id"}`
	const found = `request_id field=request_id
		idempotency_key, `
	run(t, []testCase{
		{name: "by the method", proto: method("S", "ApproveRequest", `string request_id = 1;`), want: possible},
		{name: "by many", proto: method("S", "CloseAccessRequests", `string request_id = 1;`), want: possible},
		{name: "by the service", proto: method("AccessRequestService", "Approve", `string request_id = 1;`), want: possible},
		{
			name: "with the format of AIP-155", proto: method("S", "ApproveRequest", `string request_id = 1 [(standins.info).format = 1];`),
			want: `request_id field=request_id uuid4=true
				idempotency_key, certain: field: request_id, by its name`,
		},
		{
			name: "as the policy says", proto: method("S", "ApproveRequest", `string request_id = 1;`), said: `idempotency_key: {field: "request_id"}`,
			want: found + `declared: field: request_id, as its policy says`,
		},
		{name: "in a oneof", proto: method("S", "Cancel", `oneof which { string request_id = 1; string job_id = 2; }`)},
		{
			name: "in a oneof, as the policy says", proto: method("S", "Cancel", `oneof which { string request_id = 1; string job_id = 2; }`), said: `idempotency_key: {field: "job_id"}`,
			want: `problem: idempotency_key.field: "job_id" in shop.v1.Req is not a string outside of a oneof; name one that is`,
		},
	})
}

// TestJobsAreOperationsByAnotherName checks that GetJob is not detected as starting a job.
func TestJobsAreOperationsByAnotherName(t *testing.T) {
	const jobs = `service JobService { rpc CreateJob(Req) returns (Job); rpc GetJob(Req) returns (Job); rpc Get(GetJobRequest) returns (Job);
			rpc CancelJob(Req) returns (Job); rpc DescribeProgress(Req) returns (Job); }
		message Req { string id = 1; } message GetJobRequest { string id = 1; } message Report { string text = 1; }
		message Job { string id = 1; bool done = 2; google.rpc.Status error = 3; Report result = 4; }`
	const getter = `getter name=id
		operation_get, certain: it takes a name and returns the operation of this service`
	const none = `operation, possible: its name is that of a method for existing operations`
	run(t, []testCase{
		{
			name: "create", proto: jobs, method: "CreateJob",
			want: `operation result=shop.v1.Report
				fields name=id done=done error=error response=result
				operation, certain: it returns Job, which has the shape of google.longrunning.Operation; its shape names Report`,
		},
		{name: "get", proto: jobs, method: "GetJob", want: getter},
		{name: "get by the request", proto: jobs, method: "Get", want: getter},
		{name: "cancel", proto: jobs, method: "CancelJob", want: `action=cancel name=id
			operation_action, certain: it takes a name and cancels the operation of this service`},
		{name: "read in another way", proto: jobs, method: "DescribeProgress", want: none},
	})
}

// TestOperationsDoNotEndWithMapEntries checks that a map entry, which has no Go type, is not used
// as the result.
func TestOperationsDoNotEndWithMapEntries(t *testing.T) {
	run(t, []testCase{{
		name: "an entry of a map",
		proto: `service S { rpc Run(Req) returns (google.longrunning.Operation) { option (standins.operation_info) = {response_type: "Req.LabelsEntry" metadata_type: "Req"}; } }
			message Req { map<string, string> labels = 1; }`,
		want: `operation metadata=shop.v1.Req
			` + googleFields + `operation, likely: it returns google.longrunning.Operation; operation_info names Req.LabelsEntry, which no imported file declares ` +
			`advice=operation: {response_type: "...", metadata_type: "shop.v1.Req"}`,
	}})
}

// TestNothingSaidIsWithoutEffect checks that a policy setting that has no effect is a problem.
func TestNothingSaidIsWithoutEffect(t *testing.T) {
	run(t, []testCase{
		{
			name: "results of an operation", said: `batch: {results: "users", missing: "lost", mode: MODE_KEYED}`,
			proto: `service S { rpc BatchStop(Req) returns (google.longrunning.Operation) { option (standins.operation_info) = {response_type: "Req" metadata_type: "Req"}; } }
				message Req { repeated string ids = 1; }`,
			want: `operation result=shop.v1.Req metadata=shop.v1.Req
				` + googleFields + `batch mode=done children=ids
				operation, certain: it returns google.longrunning.Operation; operation_info names Req and Req; children: ids, the only list of scalars
				problem: batch.results: the method returns google.longrunning.Operation, and its results are in operation.response_type; remove it
				problem: batch.missing: the method returns google.longrunning.Operation, and its results are in operation.response_type; remove it
				problem: batch.mode: the method returns google.longrunning.Operation, and its results are in operation.response_type; remove it`,
		},
		{
			name: "what is missing from no results", said: `batch: {missing: "lost", mode: MODE_ATOMIC}`,
			proto: users("BatchDeleteUsers", `repeated string names = 1;`, `int32 deleted = 1;`, ``),
			want: `batch mode=done children=names single=DeleteUser
				batch, certain: children: names, the only list of scalars; no results
				problem: batch.missing: shop.v1.Resp has no results, and only a map can omit some; remove missing`,
		},
		{
			name: "one field for size and skip", said: `page: {size: "page_size", skip: "page_size"}`,
			proto: list("ListUsers", pageRequest, `repeated User users = 1;`+nextToken),
			want: `page items=users size=page_size token=page_token next=next_page_token skip=page_size
				page, declared: items: users, the only repeated field; skip and size: as its policy says
				problem: page.size: "page_size" is also named in page.skip; name another field in one of them`,
		},
	})
}

// TestStreamsOfGoogle checks the detection in streams of public APIs, reduced to the names and
// types of the relevant fields.
func TestStreamsOfGoogle(t *testing.T) {
	run(t, []testCase{
		{
			name: "google.bytestream.ByteStream.Write",
			proto: `service ByteStream { rpc Write(stream WriteRequest) returns (WriteResponse); }
				message WriteRequest { string resource_name = 1; int64 write_offset = 2; bool finish_write = 3; bytes data = 10; }
				message WriteResponse { int64 committed_size = 1; }`,
			want: `upload data=data finish=finish_write name=resource_name offset=write_offset
				upload, certain: data: data, the only bytes, beside resource_name`,
		},
		{
			name: "google.bytestream.ByteStream.Read",
			proto: `service ByteStream { rpc Read(ReadRequest) returns (stream ReadResponse); }
				message ReadRequest { string resource_name = 1; int64 read_offset = 2; int64 read_limit = 3; }
				message ReadResponse { bytes data = 10; }`,
		},
		{
			name: "google.spanner.v1.Spanner.ExecuteStreamingSql",
			proto: `service Spanner { rpc ExecuteStreamingSql(ExecuteSqlRequest) returns (stream PartialResultSet); }
				message ExecuteSqlRequest { string session = 1; string sql = 3; bytes resume_token = 6; bytes partition_token = 8; int64 seqno = 9; }
				message PartialResultSet { google.protobuf.Any metadata = 1; repeated google.protobuf.Any values = 2; bool chunked_value = 3; bytes resume_token = 4; }`,
			want: `subscription next_position=resume_token position=resume_token
				subscription, likely: position: resume_token, continued by resume_token of the response advice=subscription: {position: "resume_token", next_position: "resume_token"}`,
		},
		{
			name: "google.cloud.speech.v1.Speech.StreamingRecognize",
			proto: `service Speech { rpc StreamingRecognize(stream StreamingRecognizeRequest) returns (stream StreamingRecognizeResponse); }
				message StreamingRecognizeRequest { oneof streaming_request { StreamingRecognitionConfig streaming_config = 1; bytes audio_content = 2; } }
				message StreamingRecognitionConfig { bool interim_results = 3; }
				message StreamingRecognizeResponse { repeated StreamingRecognitionConfig results = 2; }`,
			want: `handshake arm=streaming_config
				handshake, certain: arm: streaming_config, the first of its oneof, by its name`,
		},
		{
			name: "google.firestore.v1.Firestore.Listen",
			proto: `service Firestore { rpc Listen(stream ListenRequest) returns (stream ListenResponse); }
				message ListenRequest { string database = 1; oneof target_change { Target add_target = 2; int32 remove_target = 3; } }
				message Target { int32 target_id = 5; }
				message ListenResponse { Target target_change = 2; }`,
		},
		{
			name: "google.showcase.v1beta1.Echo.Collect",
			proto: `service Echo { rpc Collect(stream EchoRequest) returns (EchoResponse); }
				message EchoRequest { oneof response { string content = 1; google.rpc.Status error = 2; } }
				message EchoResponse { string content = 1; }`,
		},
		{
			name: "authzed.api.v1.PermissionsService.ReadRelationships",
			proto: `service PermissionsService { rpc ReadRelationships(ReadRelationshipsRequest) returns (stream ReadRelationshipsResponse); }
				message Cursor { string token = 1; }
				message ReadRelationshipsRequest { uint32 optional_limit = 3; Cursor optional_cursor = 4; }
				message ReadRelationshipsResponse { Cursor after_result_cursor = 3; }`,
			want: `subscription, possible: optional_cursor and after_result_cursor of the response are positions that are neither strings nor bytes`,
		},
	})
}
