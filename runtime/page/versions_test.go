package page_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/page"
)

type (
	oldRequest  = pagev1.ListItemsOldRequest
	newRequest  = pagev1.ListItemsRequest
	newResponse = pagev1.ListItemsResponse
)

// oldList is the method as a server of an older version of the proto has it. What it varies by is a
// field that is inside a message and that it does not know.
var oldList = page.Of(runtime.MethodInfo{FullMethod: itemMethod, Policy: runtime.Policy{Page: limits}},
	service[oldRequest, newResponse].call, (*newResponse).GetItems, page.Fields{
		Items: "items", Size: "page_size", Token: "page_token", NextToken: "next_page_token",
	})

// newList is the method as a newer server has it, which pages by the same fields.
var newList = page.Of(runtime.MethodInfo{FullMethod: itemMethod, Policy: runtime.Policy{Page: limits}},
	service[newRequest, newResponse].call, (*newResponse).GetItems, page.Fields{
		Items: "items", Size: "page_size", Token: "page_token", NextToken: "next_page_token", Total: "total_size",
	})

// TestServersOfTwoVersionsTakeEachOthersTokens reads a list from an old and a new server in turns,
// as a client does while a new version is rolled out: the client has fields that the old server
// does not know, in the request and in a message in it.
func TestServersOfTwoVersionsTakeEachOthersTokens(t *testing.T) {
	req := &newRequest{
		Parent: "shelves/1", Filter: "born > 1900", OrderBy: "name", ShowDeleted: true, Ids: []int64{3, 1, 2}, Language: "de", View: "FULL", Minimum: 1.5,
		Labels: map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}, Created: &pagev1.Range{From: 1, To: 2},
	}
	next := int64(1)
	for turn := range 20 {
		wire, err := proto.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		var resp *newResponse
		if turn%2 == 0 {
			old := new(oldRequest)
			if err := proto.Unmarshal(wire, old); err != nil {
				t.Fatal(err)
			}
			resp, err = oldList.Serve(t.Context(), old, byID(1000, nil))
		} else {
			resp, err = newList.Serve(t.Context(), proto.CloneOf(req), byID(1000, nil))
		}
		if err != nil {
			t.Fatalf("turn %d: %v", turn, err)
		}
		wantIDs(t, resp, next, next+4)
		next += 5
		req.PageToken = resp.GetNextPageToken()
	}
	req.View = "BASIC"
	wire, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	old := new(oldRequest)
	if err := proto.Unmarshal(wire, old); err != nil {
		t.Fatal(err)
	}
	_, err = oldList.Serve(t.Context(), old, byID(1000, nil)) // it notices a change that it does not understand
	wantInvalid(t, err, "page_token", page.ReasonTokenMismatch)
}
