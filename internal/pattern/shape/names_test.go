package shape

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

func TestNamesAreSplitIntoWords(t *testing.T) {
	for name, want := range map[protoreflect.Name]string{
		"BatchGetUsers": "batch get users", "ListVMs": "list v ms", "GetIAMPolicy": "get iam policy", "MGet": "m get", "Get": "get",
		"list_users": "list users", "getV2Users": "get v2 users", "X": "x", "_": "", "HTTP": "http", "__ListA__": "list a",
	} {
		if got := strings.Join(WordsOf(name), " "); got != want {
			t.Errorf("words of %s are %q, not %q", name, got, want)
		}
	}
}

func TestSingularsAreFound(t *testing.T) {
	for many, one := range map[string]string{
		"users": "user", "categories": "category", "addresses": "address", "boxes": "box", "branches": "branch", "dishes": "dish",
		"address": "address", "user": "user", "s": "s", "": "",
	} {
		if got := Singular(many); got != one {
			t.Errorf("the singular of %q is %q, not %q", many, got, one)
		}
	}
}

func TestBatchesAreToldByTheirNames(t *testing.T) {
	for name, want := range map[protoreflect.Name]string{
		"BatchGetUsers": "get users", "BulkCreate": "create", "MultiGetUsers": "get users", "MGetUsers": "get users", "MultigetUsers": "get users",
		"SearchBatch": "search", "Batch": "", "Batches": "-", "Multiply": "-", "Bulky": "-", "GetBatches": "-", "ListMultis": "-",
	} {
		words := WordsOf(name)
		got := "-"
		if IsBatchName(words) {
			got = strings.Join(WithoutBatch(words), " ")
		} else if !slices.Equal(WithoutBatch(words), words) {
			t.Errorf("%s is no batch, and its name is %q without what says that it is", name, WithoutBatch(words))
		}
		if got != want {
			t.Errorf("%s is a batch of %q, not of %q", name, got, want)
		}
	}
}

func TestBatchesPassTheNecessaryCondition(t *testing.T) {
	for _, name := range []protoreflect.Name{
		"BatchGetUsers", "BulkCreate", "MultiGetUsers", "MGetUsers", "m_get_users", "MultigetUsers", "MgetUsers", "SearchBatch", "search_batch",
	} {
		words := WordsOf(name)
		if !IsBatchName(words) && !IsBatchOfIDs(words) {
			t.Fatalf("%s is no batch", name)
		}
		if !MayBeBatchName(Letters(string(name))) {
			t.Errorf("%s may be a batch", name)
		}
	}
	for _, word := range batchWords {
		if !MayBeBatchName(word + "users") {
			t.Errorf("%s may start the name of a batch", word)
		}
	}
}
