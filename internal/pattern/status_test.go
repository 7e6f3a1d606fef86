package pattern_test

import "testing"

// jobService has a method that starts jobs, and others for jobs that were started. Its messages are
// those of a team of its own.
const jobService = `service Jobs { rpc RunReport(RunRequest) returns (Job); rpc GetJob(GetJobRequest) returns (Job);
	rpc CancelJob(GetJobRequest) returns (google.protobuf.Empty); rpc DeleteJob(GetJobRequest) returns (google.protobuf.Empty);
	rpc DeleteReport(GetJobRequest) returns (google.protobuf.Empty); rpc WaitJob(GetJobRequest) returns (Job); rpc DeleteJobs(GetJobRequest) returns (google.protobuf.Empty); }
	message RunRequest { string title = 1; } message GetJobRequest { string job_id = 1; }
	message Job { string job_id = 1; Status status = 2; string error = 3; int32 error_code = 4; int32 percent = 5; repeated string labels = 6; Part part = 7;
		enum Status { STATUS_UNSPECIFIED = 0; STATUS_PENDING = 1; STATUS_RUNNING = 2; STATUS_SUCCEEDED = 3; STATUS_FAILED = 4; STATUS_CANCELLED = 5; STATUS_PAUSED = 6; }
		message Part { int32 n = 1; } }`

const (
	jobOption = `operation: {status: "status", done: ["STATUS_SUCCEEDED"]}`
	jobStatus = ` status=status done=STATUS_SUCCEEDED failed=STATUS_FAILED,STATUS_CANCELLED pending=STATUS_PENDING running=STATUS_RUNNING code=error_code
	`
	jobFields = `fields name=job_id error=error` + jobStatus
	jobDone   = `it returns Job, which is done when status is STATUS_SUCCEEDED, STATUS_FAILED or STATUS_CANCELLED`
)

func TestOperationsWithAStatusAreFoundByOption(t *testing.T) {
	const itself = `operation result=shop.v1.Job metadata=shop.v1.Job
		`
	run(t, []testCase{
		{
			name: "without the option", proto: jobService,
			want: `operation, possible: it returns Job, whose status may state that an operation is done ` +
				`advice=operation: {status: "status", done: ["STATUS_SUCCEEDED"], failed: ["STATUS_FAILED", "STATUS_CANCELLED"]}`,
		},
		{
			name: "with it", proto: jobService, said: jobOption,
			want: itself + jobFields + `operation, declared: ` + jobDone + `; Job is also its result and its progress`,
		},
		{
			name: "without values, which have customary names", proto: jobService, said: `operation: {status: "status"}`,
			want: itself + jobFields + `operation, likely: ` + jobDone + `; done: STATUS_SUCCEEDED, by name; Job is also its result and its progress ` +
				`advice=operation: {status: "status", done: ["STATUS_SUCCEEDED"], failed: ["STATUS_FAILED", "STATUS_CANCELLED"]}`,
		},
		{
			name: "with everything", proto: jobService,
			said: `operation: {status: "status", done: ["STATUS_SUCCEEDED", "STATUS_PAUSED"], failed: "STATUS_CANCELLED", pending: "STATUS_UNSPECIFIED",
				running: "STATUS_RUNNING", name: "error", error: "job_id", error_code: "", result: "part", response_type: "Job.Part"}`,
			want: `operation result=shop.v1.Job.Part metadata=shop.v1.Job
				fields name=error error=job_id response=part status=status done=STATUS_SUCCEEDED,STATUS_PAUSED failed=STATUS_CANCELLED pending=STATUS_UNSPECIFIED running=STATUS_RUNNING
				operation, declared: it returns Job, which is done when status is STATUS_SUCCEEDED, STATUS_PAUSED or STATUS_CANCELLED; its policy names Job.Part; its shape names Job`,
		},
		{
			name: "with a response that no field holds", proto: jobService, said: `operation: {` + jobDoneAnd(`response_type: "RunRequest"`) + `}`,
			want: `operation metadata=shop.v1.Job
				` + jobFields + `operation, declared: ` + jobDone + `; its shape names Job
				problem: operation.response_type: no field of shop.v1.Job holds a shop.v1.RunRequest; remove it`,
		},
		{
			name: "as in Cloud SQL", said: `operation: {status: "status", done: "DONE"}`,
			proto: `service S { rpc Insert(Req) returns (Operation); } message Req {}
				message Operation { string kind = 1; string target_link = 2; SqlOperationStatus status = 3; OperationErrors error = 9; string name = 12; string target_id = 13; }
				enum SqlOperationStatus { SQL_OPERATION_STATUS_UNSPECIFIED = 0; PENDING = 1; RUNNING = 2; DONE = 3; }
				message OperationErrors { string kind = 1; repeated OperationError errors = 2; } message OperationError { string kind = 1; string code = 2; string message = 3; }`,
			want: `operation result=shop.v1.Operation metadata=shop.v1.Operation
				fields name=name error=error status=status done=DONE pending=PENDING running=RUNNING
				operation, declared: it returns Operation, which is done when status is DONE; Operation is also its result and its progress`,
		},
	})
}

// TestAnnotatedOperationsAreFound checks the annotations of google/cloud/extended_operations.proto.
func TestAnnotatedOperationsAreFound(t *testing.T) {
	const compute = `service Instances { rpc Insert(InsertRequest) returns (Operation); } service ZoneOperations { rpc Get(GetZoneOperationRequest) returns (Operation); }
		message InsertRequest { string project = 1; string zone = 2; } message GetZoneOperationRequest { string operation = 1; string project = 2; string zone = 3; }
		message Operation { optional Error error = 1; optional int32 http_code = 2 [(standins.operation_field) = ERROR_CODE]; optional string http_text = 3 [(standins.operation_field) = ERROR_MESSAGE];
			optional string title = 4 [(standins.operation_field) = NAME]; optional int32 progress = 5; optional Status status = 6 [(standins.operation_field) = STATUS];
			enum Status { UNDEFINED_STATUS = 0; DONE = 2104194; PENDING = 35394935; RUNNING = 121282975; }
			message Error { repeated Errors errors = 1; } message Errors { optional string code = 1; optional string message = 2; } }`
	run(t, []testCase{
		{
			name: "starting one", proto: compute,
			want: `operation result=shop.v1.Operation metadata=shop.v1.Operation
				fields name=title error=http_text status=status done=DONE pending=PENDING running=RUNNING code=http_code
				operation, certain: it returns Operation, which is done when status is DONE; Operation is also its result and its progress`,
		},
	})
}

func TestJobsThatWereStartedAreFoundByTheOptionOfTheStart(t *testing.T) {
	run(t, []testCase{
		{
			name: "get", proto: jobService, method: "GetJob", others: jobOption,
			want: `getter name=job_id` + jobStatus + `operation_get, declared: it takes a name and returns the operation of this service`,
		},
		{
			name: "get, by an option of its own", proto: jobService, method: "GetJob", said: jobOption,
			want: `getter name=job_id` + jobStatus + `operation_get, declared: it takes a name and returns the operation of this service`,
		},
		{
			name: "wait", proto: jobService, method: "WaitJob", others: jobOption,
			want: `action=wait name=job_id` + jobStatus + `operation_action, declared: it takes a name and waits for the operation of this service`,
		},
		{
			name: "cancel", proto: jobService, method: "CancelJob", others: jobOption,
			want: `action=cancel name=job_id
				operation_action, certain: it takes a name and cancels the operation of this service`,
		},
		{
			name: "delete", proto: jobService, method: "DeleteJob", others: jobOption,
			want: `action=delete name=job_id
				operation_action, certain: it takes a name and deletes the operation of this service`,
		},
		{name: "delete something else", proto: jobService, method: "DeleteReport", others: jobOption},
		{name: "delete several", proto: jobService, method: "DeleteJobs", others: jobOption},
		{name: "get, without any option", proto: jobService, method: "GetJob"},
		{name: "cancel, without any option", proto: jobService, method: "CancelJob"},
		{name: "get, by an option with a mistake", proto: jobService, method: "GetJob", others: `operation: {status: "nope"}`},
	})
}

func TestOptionsOfAStatusThatDoNotFitAreProblems(t *testing.T) {
	const odd = `service S { rpc Run(Req) returns (Job); } message Req {} message Part { int32 n = 1; }
		message Job { string name = 1; Odd odd = 2; Mute mute = 3; Part part = 4; } enum Odd { A = 0; B = 1; } enum Mute { RUNNING = 0; SUCCEEDED = 1; }`
	cases := []struct{ name, proto, said, want string }{
		{"a field that is none", jobService, `status: "state"`, `operation.status: shop.v1.Job has no field "state"; want one of job_id, status, error, error_code, percent and 2 more`},
		{"a field of another type", jobService, `status: "percent"`, `operation.status: "percent" in shop.v1.Job is not an enum; name one that is`},
		{"a value that is none", jobService, `status: "status" done: "DONE"`, `operation.done: shop.v1.Job.Status has no value "DONE"; ` +
			`want one of STATUS_UNSPECIFIED, STATUS_PENDING, STATUS_RUNNING, STATUS_SUCCEEDED, STATUS_FAILED, STATUS_CANCELLED and STATUS_PAUSED`},
		{"a value twice", jobService, `status: "status" done: "STATUS_SUCCEEDED" done: "STATUS_SUCCEEDED"`, `operation.done: it has STATUS_SUCCEEDED twice; remove one`},
		{"success and failure", jobService, `status: "status" done: "STATUS_FAILED"`, `operation.failed: STATUS_FAILED is also in operation.done; remove it from one of them`},
		{"running and done", jobService, jobDoneAnd(`running: "STATUS_SUCCEEDED"`), `operation.running: STATUS_SUCCEEDED is also in operation.done or operation.failed; name another value`},
		{"no status", jobService, `done: "STATUS_SUCCEEDED"`, `operation.done: it describes an operation whose status is an enum; set operation.status to the field of the enum`},
		{"an error that is none", jobService, jobDoneAnd(`error: "part"`), `operation.error: "part" in shop.v1.Job is not a string, or a message with a string message or a list of such messages; name one that is`},
		{"a code that is none", jobService, jobDoneAnd(`error_code: "part"`), `operation.error_code: "part" in shop.v1.Job is not an integer, a string or a google.rpc.Code; name one that is`},
		{"a result that is none", jobService, jobDoneAnd(`result: "error"`), `operation.result: "error" in shop.v1.Job is not a message; name one that is`},
		{"a name that is none", jobService, jobDoneAnd(`name: "percent"`), `operation.name: "percent" in shop.v1.Job is not a string; name one that is`},
		{"values that are not done without customary names", odd, `status: "odd" done: "B" failed: "A"`, `operation.running: no value of shop.v1.Odd has the name of an operation that is not done; set it to one of A and B`},
		{"values without customary names", odd, `status: "odd" failed: "B"`, `operation.done: no value of shop.v1.Odd has the name of an end; set it to those that stand for one, of A and B`},
		{"no failure", odd, `status: "mute"`, `operation.failed: neither a value of shop.v1.Mute nor a field of shop.v1.Job states that an operation has failed; name values, or set error`},
	}
	for _, c := range cases {
		run(t, []testCase{{name: c.name, proto: c.proto, said: `operation: {` + c.said + `}`, want: "problem: " + c.want}})
	}
}

func jobDoneAnd(options string) string { return `status: "status" done: "STATUS_SUCCEEDED" ` + options }
