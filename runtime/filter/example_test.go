package filter_test

import (
	"context"
	"fmt"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/grpcservice/grpcservice/runtime/filter"
)

// statuses is the schema of the examples. It rejects bare literals.
var statuses = filter.For((&spb.Status{}).ProtoReflect().Descriptor(), filter.WithFields("code", "message"), filter.WithSearch())

func ExampleFilter_Match() {
	f, err := statuses.Parse("filter", `code = (5 OR 7) message:"*gone*"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f)
	fmt.Println(f.Match(context.Background(), &spb.Status{Code: 5, Message: "it has gone"}))
	fmt.Println(f.Match(context.Background(), &spb.Status{Code: 6}))
	// Output:
	// ((code = 5 OR code = 7) AND message:"*gone*")
	// true <nil>
	// false <nil>
}

func ExampleFilter_SQL() {
	f, err := statuses.Parse("filter", `code > 4 AND -message = "100%*"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	columns := map[string]string{"code": "s.code", "message": "s.text"}
	fmt.Println(f.SQL(filter.PostgreSQL, columns, 1))
	// Output: ((s.code IS NOT NULL AND s.code > $2) AND (NOT (s.text IS NOT NULL AND s.text LIKE $3 ESCAPE '!'))) [4 100!%%] <nil>
}

func ExampleSchema_Parse_fault() {
	_, err := statuses.Parse("filter", `code = 5 and message = "x"`)
	fmt.Println(err)
	_, err = statuses.Parse("filter", `status = 5`)
	fmt.Println(err)
	// Output:
	// filter: column 10: "and" is not an operator; write AND, or put a word to search for in quotes
	// filter: column 1: no field "status" to filter by; there are: code, message
}
