package pattern_test

import "testing"

// jobs returns a service whose first method starts a job, with the messages of jobs.
func jobs(method, options, request, messages string) string {
	return `service S { rpc ` + method + `(Req) returns (Operation) {` + options + `} }
		message Req {` + request + `} message Report { string text = 1; }
		message Progress { int32 done = 1; map<int32, google.rpc.Status> failed_requests = 2; } message Plain { map<string, google.rpc.Status> failed_requests = 1; }` + messages
}

const googleFields = `fields name=name done=done error=error response=response metadata=metadata
	`

// own is the operation message of a third-party API, in one of the common shapes.
const own = `message Operation { string id = 1; bool done = 2; google.protobuf.Any metadata = 3;
	oneof result { google.rpc.Status error = 4; google.protobuf.Any response = 5; } }`

const ownFields = `fields name=id done=done error=error response=response metadata=metadata
	`

func TestGooglesOperationsAreFound(t *testing.T) {
	google := func(options, request string) string {
		return `service S { rpc Export(Req) returns (google.longrunning.Operation) {` + options + `} }
			message Req {` + request + `} message Report { string text = 1; }
			message Progress { int32 done = 1; map<int32, google.rpc.Status> failed_requests = 2; } message Plain { map<string, google.rpc.Status> failed_requests = 1; }`
	}
	info := func(response, metadata string) string {
		return `option (standins.operation_info) = {response_type: "` + response + `" metadata_type: "` + metadata + `"};`
	}
	run(t, []testCase{
		{
			name: "with what it ends with and tells its progress by", proto: google(info("Report", "Progress"), `string request_id = 1; bool validate_only = 2;`),
			want: `operation result=shop.v1.Report metadata=shop.v1.Progress id=request_id validate=validate_only failed=true
				` + googleFields + `request_id field=request_id
				operation, certain: it returns google.longrunning.Operation; operation_info names Report and Progress
				idempotency_key, certain: field: request_id, by its name`,
		},
		{
			name: "with full names", proto: google(info("google.protobuf.Empty", ".shop.v1.Plain"), ``),
			want: `operation result=google.protobuf.Empty metadata=shop.v1.Plain
				` + googleFields + `operation, certain: it returns google.longrunning.Operation; operation_info names google.protobuf.Empty and Plain`,
		},
		{
			name: "without them", proto: google(``, ``),
			want: `operation
				` + googleFields + `operation, likely: it returns google.longrunning.Operation; no operation_info names its response and metadata types ` +
				`advice=operation: {response_type: "...", metadata_type: "..."}`,
		},
		{
			name: "with names that nobody knows", proto: google(info("Nope", "not a name"), ``),
			want: `operation
				` + googleFields + `operation, likely: it returns google.longrunning.Operation; operation_info names Nope and not a name, which no imported file declares ` +
				`advice=operation: {response_type: "...", metadata_type: "..."}`,
		},
		{
			name: "with one name that nobody knows", proto: google(info("Report", "Nope"), ``),
			want: `operation result=shop.v1.Report
				` + googleFields + `operation, likely: it returns google.longrunning.Operation; operation_info names Nope, which no imported file declares ` +
				`advice=operation: {response_type: "shop.v1.Report", metadata_type: "..."}`,
		},
		{
			name: "with names that the policy has", proto: google(info("Nope", "Progress"), `Inner inner = 1;`) + `message Inner { string parent = 1; }`,
			said: `operation: {response_type: "Report", conflict_key: "inner.parent"}`,
			want: `operation result=shop.v1.Report metadata=shop.v1.Progress conflict=inner.parent failed=true
				` + googleFields + `operation, declared: it returns google.longrunning.Operation; its policy names Report; operation_info names Progress`,
		},
		{
			name: "with names that the policy has wrong", proto: google(info("Report", "Progress"), `repeated string parents = 1;`),
			said: `operation: {response_type: "Nope", conflict_key: "parents"}`,
			want: `operation result=shop.v1.Report metadata=shop.v1.Progress failed=true
				` + googleFields + `operation, certain: it returns google.longrunning.Operation; operation_info names Report and Progress
				problem: operation.conflict_key: "parents" in shop.v1.Req is not a string, an integer or an enum; name one that is
				problem: operation.response_type: no imported file has a message "Nope"; import its file, and use its full name, as in "google.longrunning.Operation"`,
		},
		{name: "off", proto: google(info("Report", "Progress"), ``), said: `operation: {off: true}`},
	})
}

func TestOperationsAreFoundByTheirShape(t *testing.T) {
	run(t, []testCase{
		{
			name: "as at yandex", proto: jobs("Export", ``, ``, own),
			want: `operation
				` + ownFields + `operation, certain: it returns Operation, which has the shape of google.longrunning.Operation`,
		},
		{
			name: "with the messages themselves", proto: jobs("Export", ``, `bool dry_run = 1;`, `message Operation { string name = 1; bool done = 2;
				google.rpc.Status status = 3; Report result = 4; Progress metadata = 5; }`),
			want: `operation result=shop.v1.Report metadata=shop.v1.Progress validate=dry_run failed=true
				fields name=name done=done error=status response=result metadata=metadata
				operation, certain: it returns Operation, which has the shape of google.longrunning.Operation; its shape names Report and Progress`,
		},
		{
			name:  "with a status of their own, without metadata",
			proto: jobs("Export", ``, ``, `message Operation { string name = 1; bool done = 2; RunStatus failure = 3; Report result = 4; } message RunStatus { int32 code = 1; string message = 2; }`),
			want: `operation result=shop.v1.Report
				fields name=name done=done error=failure response=result
				operation, certain: it returns Operation, which has the shape of google.longrunning.Operation; its shape names Report`,
		},
		{
			name:  "by another name",
			proto: `service S { rpc Export(Req) returns (Job); } message Req {} message Job { string id = 1; bool done = 2; google.rpc.Status error = 3; google.protobuf.Any result = 4; }`,
			want: `operation
				fields name=id done=done error=error response=result
				operation, certain: it returns Job, which has the shape of google.longrunning.Operation`,
		},
		{
			name: "without done, as in compute", proto: jobs("Insert", ``, ``, `message Operation { string name = 1; enum State { S = 0; } State status = 2; }`),
			want: `operation, possible: it returns Operation, which has no bool done advice=operation: {status: "status", done: ["..."]}`,
		},
		{
			name: "without an error", proto: jobs("Insert", ``, ``, `message Operation { string name = 1; bool done = 2; google.protobuf.Any response = 3; }`),
			want: `operation, possible: it returns Operation, which has no google.rpc.Status error`,
		},
		{
			name: "without a response", proto: jobs("Insert", ``, ``, `message Operation { string name = 1; bool done = 2; google.rpc.Status error = 3; }`),
			want: `operation, possible: it returns Operation, which has no message response`,
		},
		{
			name: "without a name", proto: jobs("Insert", ``, ``, `message Operation { bool done = 2; google.rpc.Status error = 3; google.protobuf.Any response = 4; }`),
			want: `operation, possible: it returns Operation, which has no string name`,
		},
		{
			name: "as a stream", proto: `service S { rpc Export(Req) returns (stream google.longrunning.Operation); } message Req {}`,
		},
	})
}

func TestBatchesMayReturnOperations(t *testing.T) {
	batch := func(request string) string {
		return `service S { rpc BatchCreateUsers(Req) returns (google.longrunning.Operation) { option (standins.operation_info) = {response_type: "Resp" metadata_type: "Meta"}; }
			rpc CreateUser(CreateUserRequest) returns (User); }
			message Req {` + request + `} message CreateUserRequest { string parent = 1; User user = 2; } message User { string name = 1; } message Resp { repeated User users = 1; }
			message Meta { map<int32, google.rpc.Status> failed_requests = 1; }`
	}
	const found = `operation result=shop.v1.Resp metadata=shop.v1.Meta failed=true
		` + googleFields
	const reason = `operation, certain: it returns google.longrunning.Operation; operation_info names Resp and Meta`
	run(t, []testCase{
		{
			name: "requests", proto: batch(`repeated CreateUserRequest requests = 1; string parent = 2;`),
			want: found + `batch mode=done children=requests hoisted=parent single=CreateUser
				` + reason + `; children: requests, each a request of CreateUser`,
		},
		{
			name: "entities", proto: batch(`repeated User users = 1;`),
			want: found + `batch, possible: children: users, the only list of messages advice=batch: {children: "users"}
				` + reason,
		},
		{
			name: "entities that the policy names", proto: batch(`repeated User users = 1;`), said: `batch: {children: "users"}`,
			want: found + `batch mode=done children=users
				operation, declared: it returns google.longrunning.Operation; operation_info names Resp and Meta; children: users, as its policy says`,
		},
		{
			name: "off", proto: batch(`repeated CreateUserRequest requests = 1;`), said: `batch: {off: true}`,
			want: found + reason,
		},
	})
}

func TestGettersOfOperationsAreFound(t *testing.T) {
	skill := `service BatchJobService { rpc ProcessBatch(BatchRequest) returns (google.longrunning.Operation); rpc GetOperation(GetOperationRequest) returns (google.longrunning.Operation);
		rpc WaitOperation(GetOperationRequest) returns (google.longrunning.Operation); rpc CancelOperation(GetOperationRequest) returns (google.protobuf.Empty); }
		message BatchRequest {} message GetOperationRequest { string job = 1; int32 n = 2; }`
	run(t, []testCase{
		{
			name: "as the skill has it", proto: skill, method: "GetOperation",
			want: `getter name=job
				operation_get, certain: it takes a name and returns the operation of this service`,
		},
		{
			name: "waiting", proto: skill, method: "WaitOperation",
			want: `action=wait name=job
				operation_action, certain: it takes a name and waits for the operation of this service`,
		},
		{
			name: "cancelling, which returns nothing", proto: skill, method: "CancelOperation",
			want: `action=cancel name=job
				operation_action, certain: it takes a name and cancels the operation of this service`,
		},
		{name: "off", proto: skill, method: "GetOperation", said: `operation: {off: true}`},
		{
			name:  "Google's request, in a service of its own",
			proto: `service S { rpc GetOperation(google.longrunning.GetOperationRequest) returns (google.longrunning.Operation); }`,
			want: `getter name=name
				operation_get, certain: it takes a name and returns the operation`,
		},
		{
			name: "by the name of the request, as at yandex",
			proto: `service OperationService { rpc Get(GetOperationRequest) returns (Operation); rpc Cancel(CancelOperationRequest) returns (Operation); }
				message GetOperationRequest { string folder = 1; string operation_id = 2; } message CancelOperationRequest { string operation_id = 1; }` + own,
			want: `getter name=operation_id
				operation_get, certain: it takes a name and returns the operation`,
		},
		{
			name:  "without a name to get it by",
			proto: `service S { rpc GetOperation(GetOperationRequest) returns (google.longrunning.Operation); } message GetOperationRequest { string a = 1; string b = 2; }`,
			want:  `operation_get, possible: it returns google.longrunning.Operation, and its request has no name`,
		},
		{
			name:  "operations of another kind",
			proto: `service S { rpc DeleteOperations(Req) returns (Operation); } message Req { string name = 1; }` + own,
			want:  `operation, possible: its name is that of a method for existing operations`,
		},
	})
}
