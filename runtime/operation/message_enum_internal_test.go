package operation

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/go-cmp/cmp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// enumLikesText is a file with operation messages whose status is an enum: a team's own, and such
// as Google Cloud's Compute Engine and SQL have.
const enumLikesText = `
name: "test/enumlikes.proto" package: "test.enums" syntax: "proto3"
dependency: "google/protobuf/wrappers.proto" dependency: "google/protobuf/timestamp.proto"
message_type { name: "Job"
	field { name: "job_id" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "status" number: 2 type: TYPE_ENUM type_name: ".test.enums.Job.Status" label: LABEL_OPTIONAL }
	field { name: "error" number: 3 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "error_code" number: 4 type: TYPE_INT32 label: LABEL_OPTIONAL }
	field { name: "percent" number: 5 type: TYPE_INT32 label: LABEL_OPTIONAL }
	field { name: "uris" number: 6 type: TYPE_STRING label: LABEL_REPEATED }
	field { name: "report" number: 7 type: TYPE_MESSAGE type_name: ".google.protobuf.StringValue" label: LABEL_OPTIONAL }
	field { name: "start_time" number: 8 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
	field { name: "end_time" number: 9 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
	enum_type { name: "Status" value { name: "UNKNOWN" number: 0 } value { name: "PENDING" number: 1 } value { name: "RUNNING" number: 2 }
		value { name: "SUCCEEDED" number: 3 } value { name: "FAILED" number: 4 } value { name: "CANCELLED" number: 5 }
		value { name: "PARTLY" number: 6 } value { name: "REJECTED" number: 7 } } }
message_type { name: "Operation"
	field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "status" number: 2 type: TYPE_ENUM type_name: ".test.enums.Operation.Status" label: LABEL_OPTIONAL }
	field { name: "http_error_message" number: 3 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "http_error_status_code" number: 4 type: TYPE_INT32 label: LABEL_OPTIONAL }
	field { name: "error" number: 5 type: TYPE_MESSAGE type_name: ".test.enums.Operation.Errors" label: LABEL_OPTIONAL }
	enum_type { name: "Status" value { name: "UNDEFINED_STATUS" number: 0 } value { name: "DONE" number: 2104194 }
		value { name: "PENDING" number: 35394935 } value { name: "RUNNING" number: 121282975 } }
	nested_type { name: "Errors" field { name: "kind" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
		field { name: "errors" number: 2 type: TYPE_MESSAGE type_name: ".test.enums.Operation.Error" label: LABEL_REPEATED } }
	nested_type { name: "Error" field { name: "code" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
		field { name: "message" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL } } }
`

// enumLike returns the descriptor of one of the messages.
func enumLike(t *testing.T, name protoreflect.Name) protoreflect.MessageDescriptor {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{}
	if err := prototext.Unmarshal([]byte(enumLikesText), file); err != nil {
		t.Fatal(err)
	}
	likes, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return likes.Messages().ByName(name)
}

var (
	jobFields = Fields{Name: "job_id", Error: "error", ErrorCode: "error_code", Response: "report", Status: "status",
		DoneValues: []string{"SUCCEEDED"}, FailedValues: []string{"CANCELLED", "FAILED"}, PendingValue: "PENDING", RunningValue: "RUNNING"}
	computeFields = Fields{Error: "http_error_message", ErrorCode: "http_error_status_code", Status: "status",
		DoneValues: []string{"DONE"}, PendingValue: "PENDING", RunningValue: "RUNNING"}
	sqlFields = Fields{Error: "error", Status: "status", DoneValues: []string{"DONE"}, RunningValue: "RUNNING"}
)

// text returns a message in protobuf text format, with single spaces.
func text(m proto.Message) string {
	return strings.Join(strings.Fields(prototext.MarshalOptions{}.Format(m)), " ")
}

func TestAStatusSaysHowAnOperationIs(t *testing.T) {
	started := time.Unix(60, 0)
	failed := func(code int32) *longrunningpb.Operation {
		return &longrunningpb.Operation{Name: "1", Done: true,
			Result: &longrunningpb.Operation_Error{Error: &spb.Status{Code: code, Message: "gone"}}}
	}
	succeeded := &longrunningpb.Operation{Name: "1", Done: true,
		Result: &longrunningpb.Operation_Response{Response: pack(t, wrapperspb.String("yes"))}}
	tests := []struct {
		name    string
		message protoreflect.Name
		fields  Fields
		state   contents
		want    string
	}{
		{name: "pending", message: "Job", fields: jobFields, state: contents{Operation: &longrunningpb.Operation{Name: "1"}},
			want: `job_id:"1" status:PENDING`},
		{name: "running", message: "Job", fields: jobFields, state: contents{Operation: &longrunningpb.Operation{Name: "1"}, started: started},
			want: `job_id:"1" status:RUNNING start_time:{seconds:60}`},
		{name: "succeeded", message: "Job", fields: jobFields, state: contents{Operation: succeeded, started: started, ended: started.Add(time.Second)},
			want: `job_id:"1" status:SUCCEEDED report:{value:"yes"} start_time:{seconds:60} end_time:{seconds:61}`},
		{name: "failed", message: "Job", fields: jobFields, state: contents{Operation: failed(5)},
			want: `job_id:"1" status:FAILED error:"gone" error_code:5`},
		{name: "cancelled", message: "Job", fields: jobFields, state: contents{Operation: failed(1)},
			want: `job_id:"1" status:CANCELLED error:"gone" error_code:1`},
		{name: "failed with an HTTP status", message: "Operation", fields: computeFields, state: contents{Operation: failed(8)},
			want: `name:"1" status:DONE http_error_message:"gone" http_error_status_code:429`},
		{name: "failed with a list of errors", message: "Operation", fields: sqlFields, state: contents{Operation: failed(9)},
			want: `name:"1" status:DONE error:{errors:{code:"FAILED_PRECONDITION" message:"gone"}}`},
		{name: "without a value for pending", message: "Operation", fields: sqlFields, state: contents{Operation: &longrunningpb.Operation{Name: "1"}},
			want: `name:"1" status:RUNNING`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			desc := enumLike(t, test.message)
			s, err := shapeOf(desc, test.fields)
			if err != nil {
				t.Fatal(err)
			}
			m := dynamicpb.NewMessage(desc)
			if err := s.write(m, test.state); err != nil {
				t.Fatal(err)
			}
			if got := text(m); got != test.want {
				t.Errorf("the message is %s, want %s", got, test.want)
			}
			got, err := s.read(overTheWire(t, m))
			if err != nil {
				t.Fatal(err)
			}
			if got.GetMetadata().MessageName() != desc.FullName() {
				t.Errorf("metadata is a %s, want the message itself", got.GetMetadata().MessageName())
			}
			got.Metadata = nil
			if diff := cmp.Diff(test.state.Operation, got, protocmp.Transform()); diff != "" {
				t.Errorf("read what was not written (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAJobIsItsOwnProgressAndResult checks what remains of what the work has saved.
func TestAJobIsItsOwnProgressAndResult(t *testing.T) {
	desc := enumLike(t, "Job")
	fields := jobFields
	fields.Response = ""
	s, err := shapeOf(desc, fields)
	if err != nil {
		t.Fatal(err)
	}
	job := func(text string) *anypb.Any {
		m := dynamicpb.NewMessage(desc)
		if err := prototext.Unmarshal([]byte(text), m); err != nil {
			t.Fatal(err)
		}
		return pack(t, m)
	}
	op := &longrunningpb.Operation{Name: "1", Done: true,
		Metadata: job(`job_id: "mine" status: FAILED error: "no" error_code: 3 percent: 50 uris: "a" uris: "b"`),
		Result:   &longrunningpb.Operation_Response{Response: job(`uris: "c" report {value: "ready"}`)}}
	m := dynamicpb.NewMessage(desc)
	if err := s.write(m, contents{Operation: op}); err != nil {
		t.Fatal(err)
	}
	const want = `job_id:"1" status:SUCCEEDED percent:50 uris:"c" report:{value:"ready"}`
	if got := text(m); got != want {
		t.Errorf("the message is %s, want %s", got, want)
	}
	got, err := s.read(overTheWire(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if got.GetResponse().MessageName() != desc.FullName() || !got.GetDone() {
		t.Errorf("a client reads %v, want the message as the response", got)
	}
}

// TestTheWorkChoosesAmongValues checks which value is written of several that mean the same end.
func TestTheWorkChoosesAmongValues(t *testing.T) {
	desc := enumLike(t, "Job")
	fields := jobFields
	fields.Response = ""
	fields.DoneValues = []string{"SUCCEEDED", "PARTLY"}
	fields.FailedValues = []string{"FAILED", "REJECTED", "CANCELLED"}
	s, err := shapeOf(desc, fields)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		own  string
		code codes.Code
		want string
	}{
		{"RUNNING", codes.OK, "SUCCEEDED"},
		{"PARTLY", codes.OK, "PARTLY"},
		{"REJECTED", codes.OK, "SUCCEEDED"},
		{"RUNNING", codes.NotFound, "FAILED"},
		{"REJECTED", codes.NotFound, "REJECTED"},
		{"PARTLY", codes.NotFound, "FAILED"},
		{"CANCELLED", codes.NotFound, "FAILED"},
		{"REJECTED", codes.Canceled, "CANCELLED"},
	} {
		own := dynamicpb.NewMessage(desc)
		if err := prototext.Unmarshal([]byte("status: "+test.own), own); err != nil {
			t.Fatal(err)
		}
		op := &longrunningpb.Operation{Name: "1", Done: true, Metadata: pack(t, own)}
		if test.code == codes.OK {
			op.Result = &longrunningpb.Operation_Response{Response: pack(t, dynamicpb.NewMessage(desc))}
		} else {
			op.Result = &longrunningpb.Operation_Error{Error: &spb.Status{Code: int32(test.code)}}
		}
		m := dynamicpb.NewMessage(desc)
		if err := s.write(m, contents{Operation: op}); err != nil {
			t.Fatal(err)
		}
		if got := text(m); !strings.Contains(got, "status:"+test.want) {
			t.Errorf("the work has set %s and ended with %v: %s, want %s", test.own, test.code, got, test.want)
		}
		got, err := s.read(overTheWire(t, m))
		if err != nil {
			t.Fatal(err)
		}
		if failed := got.GetError() != nil; !got.GetDone() || failed != (test.code != codes.OK) {
			t.Errorf("a client reads %v, ended with %v", got, test.code)
		}
	}
}

func TestWhatOtherServersWriteIsRead(t *testing.T) {
	tests := []struct {
		name    string
		message protoreflect.Name
		fields  Fields
		text    string
		want    *longrunningpb.Operation
	}{
		{"a status that no option names", "Job", jobFields, `status: UNKNOWN`, &longrunningpb.Operation{}},
		{"an error beside success", "Job", jobFields, `status: SUCCEEDED error: "a warning" report {}`, &longrunningpb.Operation{Done: true,
			Result: &longrunningpb.Operation_Response{Response: pack(t, &wrapperspb.StringValue{})}}},
		{"a failure without an error", "Job", jobFields, `status: FAILED`, &longrunningpb.Operation{Done: true,
			Result: &longrunningpb.Operation_Error{Error: &spb.Status{Code: 2}}}},
		{"cancelled without an error", "Job", jobFields, `status: CANCELLED`, &longrunningpb.Operation{Done: true,
			Result: &longrunningpb.Operation_Error{Error: &spb.Status{Code: 1}}}},
		{"a code without a text", "Operation", computeFields, `status: DONE http_error_status_code: 404`, &longrunningpb.Operation{Done: true,
			Result: &longrunningpb.Operation_Error{Error: &spb.Status{Code: 5}}}},
		{"a success with its HTTP status", "Operation", computeFields, `name: "1" status: DONE http_error_status_code: 200`, &longrunningpb.Operation{Name: "1", Done: true}},
		{"codes of another API", "Operation", sqlFields, `status: DONE error {errors {code: "DISK_FULL" message: "no room"} errors {code: "X"}}`, &longrunningpb.Operation{Done: true,
			Result: &longrunningpb.Operation_Error{Error: &spb.Status{Code: 2, Message: "DISK_FULL: no room"}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			desc := enumLike(t, test.message)
			s, err := shapeOf(desc, test.fields)
			if err != nil {
				t.Fatal(err)
			}
			m := dynamicpb.NewMessage(desc)
			if err := prototext.Unmarshal([]byte(test.text), m); err != nil {
				t.Fatal(err)
			}
			got, err := s.read(m)
			if err != nil {
				t.Fatal(err)
			}
			got.Metadata = nil
			if test.want.GetDone() && test.want.Result == nil { // then the message itself is the response
				got.Result = nil
			}
			if diff := cmp.Diff(test.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAStatusThatDoesNotFitIsRejected(t *testing.T) {
	with := func(change func(*Fields)) Fields {
		fields := jobFields
		change(&fields)
		return fields
	}
	for want, fields := range map[string]Fields{
		"Fields.Status: test.enums.Job.percent has a type": with(func(f *Fields) { f.Status = "percent" }),
		"test.enums.Job.Status has no value GONE":          with(func(f *Fields) { f.FailedValues = []string{"GONE"} }),
		"Status requires DoneValues and RunningValue":      with(func(f *Fields) { f.DoneValues = nil }),
		"Fields.Error: test.enums.Job.percent has a type":  with(func(f *Fields) { f.Error = "percent" }),
	} {
		if _, err := shapeOf(enumLike(t, "Job"), fields); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("shapeOf: %v, want an error with %q", err, want)
		}
	}
}

func TestCodesHaveHTTPStatuses(t *testing.T) {
	for http, code := range map[int]int32{200: 0, 400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8, 499: 1, 501: 12, 503: 14, 504: 4, 500: 13, 418: 9, 555: 13, 302: 2, 0: 0} {
		if got := int32(codeOfHTTP(http)); got != code {
			t.Errorf("the code of %d is %d, want %d", http, got, code)
		}
	}
	for code := range 17 {
		if got := codeOfHTTP(httpOf(codes.Code(code))); (got == 0) != (code == 0) {
			t.Errorf("code %d is read as %d", code, got)
		}
	}
}
