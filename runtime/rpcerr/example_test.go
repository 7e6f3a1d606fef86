package rpcerr_test

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// An error with a reason from the proto, a hint for a retry, and a cause for the log.
func ExampleReason_Errorf() {
	err := libraryv1service.ReasonOutOfStock.Errorf(codes.FailedPrecondition, "%q is out of stock", "1").
		WithRetryAfter(time.Hour).
		WithCause(errors.New("warehouse 7 is empty"))
	fmt.Println(err) // for the log

	public := rpcerr.Public(err) // what the caller receives
	fmt.Println(public)
	fmt.Println(rpcerr.ReasonOf(public) == libraryv1service.ReasonOutOfStock)
	fmt.Println(rpcerr.RetryAfter(public))
	// Output:
	// "1" is out of stock: warehouse 7 is empty
	// rpc error: code = FailedPrecondition desc = "1" is out of stock
	// true
	// 1h0m0s true
}

// Everything that is wrong with a request, in one error.
func ExampleInvalid() {
	var violations []rpcerr.FieldViolation
	if isbn := "12"; len(isbn) != 13 {
		violations = append(violations, rpcerr.Violation("book.isbn", "must have 13 digits, has %d", len(isbn)))
	}
	err := rpcerr.Invalid(violations...) // nil without violations
	fmt.Println(status.Code(err), err)
	for _, v := range rpcerr.FieldViolations(err) {
		fmt.Println(v.Field)
	}
	// Output:
	// InvalidArgument invalid request: book.isbn: must have 13 digits, has 2
	// book.isbn
}

// The failure of a call to another service, passed on without its text.
func ExampleWrap() {
	upstream := status.Error(codes.NotFound, "no row in stock@10.0.0.7")
	err := rpcerr.Wrap(upstream, "check inventory")
	fmt.Println(err) // for the log
	fmt.Println(rpcerr.Public(err))
	// Output:
	// check inventory: rpc error: code = NotFound desc = no row in stock@10.0.0.7
	// rpc error: code = NotFound desc = check inventory: not found
}
