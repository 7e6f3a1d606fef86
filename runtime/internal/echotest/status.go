package echotest

import (
	"slices"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// WantStatus checks the status that the caller of a method that returned err receives.
func WantStatus(t *testing.T, err error, code codes.Code, message string, details ...proto.Message) {
	t.Helper()
	st := status.Convert(err)
	if st.Code() != code || st.Message() != message {
		t.Errorf("the status is %v %q, want %v %q", st.Code(), st.Message(), code, message)
	}
	got := make([]proto.Message, 0, len(details))
	for _, detail := range st.Details() {
		if m, ok := detail.(proto.Message); ok {
			got = append(got, m)
		} else {
			t.Errorf("detail %v", detail)
		}
	}
	if !slices.EqualFunc(got, details, proto.Equal) {
		t.Errorf("the details are %v, want %v", got, details)
	}
}

// OutOfStock is an error detail as a service of the domain library.example.com sends it.
func OutOfStock(metadata map[string]string) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Domain: "library.example.com", Reason: "OUT_OF_STOCK", Metadata: metadata}
}

// StatusError returns an error as another service sends it.
func StatusError(t *testing.T, code codes.Code, message string, details ...proto.Message) error {
	t.Helper()
	st := status.New(code, message)
	for _, detail := range details {
		var err error
		if st, err = st.WithDetails(protoadapt.MessageV1Of(detail)); err != nil {
			t.Fatal(err)
		}
	}
	return st.Err()
}
