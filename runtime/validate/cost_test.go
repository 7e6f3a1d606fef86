package validate_test

import (
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	ours "github.com/grpcservice/grpcservice/runtime/validate"
)

// TestCostOfExpressions checks that expressions whose cost is a product of sizes that nothing
// limits are errors, and others are not.
func TestCostOfExpressions(t *testing.T) {
	const fields = `
		repeated string a = 1;
		repeated string b = 2 [(buf.validate.field).repeated.max_items = 1000];
		repeated N n = 3;
		repeated N m = 4 [(buf.validate.field).repeated.max_items = 100];
		map<string, string> labels = 5;
		map<string, string> few = 6 [(buf.validate.field).map.max_pairs = 10];
		repeated string ignored = 7 [(buf.validate.field) = {ignore: IGNORE_ALWAYS, repeated: {max_items: 10}}];
		N one = 8;
		string text = 9;
		repeated string huge = 10 [(buf.validate.field).repeated.max_items = 100000];
		`
	const other = `message N { repeated string tags = 1; repeated string few = 2 [(buf.validate.field).repeated.max_items = 10]; N next = 3; }`
	for expression, excessive := range map[string]bool{
		`this.a.all(x, x != '')`:                                              false,
		`this.a.all(x, this.a.exists_one(y, x == y))`:                         true,
		`this.a.all(x, this.b.exists(y, x == y))`:                             false,
		`this.b.all(x, this.b.exists(y, x == y))`:                             false,
		`this.b.all(x, this.b.exists(y, this.few.exists(k, k == y)))`:         true, // 10,000,000
		`this.m.all(x, this.m.all(y, this.few.all(k, k != '')))`:              false,
		`this.m.all(x, this.m.all(y, this.m.all(z, x == y || y == z)))`:       false, // 1,000,000
		`this.huge.all(x, this.few.all(y, x == y))`:                           false,
		`this.huge.all(x, this.huge.all(y, x == y))`:                          true,
		`this.n.all(x, x.tags.all(y, y != ''))`:                               false, // each tag once
		`this.n.all(x, x.tags.all(y, x.tags.exists(z, z == y)))`:              true,
		`this.n.all(x, x.tags.all(y, this.n.exists(z, z == x)))`:              true,
		`this.n.all(x, x.next.tags.all(y, y != ''))`:                          false,
		`this.a.all(x, x in this.a)`:                                          true,
		`this.a.all(x, x in this.labels)`:                                     false,
		`this.a.all(x, x in ['a', 'b'])`:                                      false,
		`this.a.all(x, ['a', 'b'].exists(y, y == x))`:                         false,
		`this.a.all(x, this.labels.exists(k, k == x))`:                        true,
		`this.labels.all(k, this.a.exists(y, y == k))`:                        true,
		`this.a.filter(x, x != '').all(x, x.size() < 3)`:                      false,
		`this.a.all(x, this.a.filter(y, y == x).size() < 3)`:                  true,
		`this.a.filter(x, x != '').all(x, this.b.exists(y, y == x))`:          false,
		`this.a.all(x, this.ignored.exists(y, x == y))`:                       true,
		`this.a.all(x, this.one.few.exists(y, x == y))`:                       false,
		`this.a.all(x, this.one.tags.exists(y, x == y))`:                      true,
		`this.text.split(',').all(x, this.text.split(',').exists(y, x == y))`: true,
		`this.a.all(x, this.a.unique())`:                                      true,
		`this.a.unique() && this.a.all(x, x != '')`:                           false,
		`this.a.map(x, this.a.size()).size() > 2`:                             false,
		`[this.a, this.b].all(l, l.all(x, x != ''))`:                          false,
		`this.a.all(x, this.a.all(x, x != ''))`:                               true,
		`{'a': this.a}.all(k, this.a.all(x, this.a.exists(y, x == y)))`:       true,
	} {
		desc := compiled(t, "message M { option (buf.validate.message).cel_expression = \""+expression+"\";"+fields+"}"+other)
		_, err := ours.New().Bind(runtime.MethodInfo{}, desc)
		if (err != nil) != excessive || err != nil && !strings.Contains(err.Error(), "a rule of test.v1.M may cost too much") {
			t.Errorf("%s: %v", expression, err)
		}
		if _, err := ours.New(ours.WithAnyCost()).Bind(runtime.MethodInfo{}, desc); err != nil {
			t.Errorf("%s with any cost: %v", expression, err)
		}
	}
}

// TestCostOfFieldExpressions checks that the limit of a list does not count for the rules of a
// field, which are evaluated first.
func TestCostOfFieldExpressions(t *testing.T) {
	for body, excessive := range map[string]bool{
		`repeated string a = 1 [(buf.validate.field).cel_expression = "this.all(x, x != '')"];`:                                                 false,
		`repeated string a = 1 [(buf.validate.field) = {cel_expression: "this.all(x, this.exists_one(y, y == x))", repeated: {max_items: 3}}];`: true,
		`repeated M a = 1 [(buf.validate.field).repeated.items.cel_expression = "this.a.all(x, this.a.exists(y, y == x))"];`:                    true,
		`map<string, M> a = 1 [(buf.validate.field).map.values.cel_expression = "this.a.all(x, this.a.exists(y, y == x))"];`:                    true,
		`repeated M a = 1 [(buf.validate.field).cel_expression = "this.all(x, x.a.all(y, y.a.size() < 3))"];`:                                   false,
	} {
		_, err := ours.New().Bind(runtime.MethodInfo{}, compiled(t, "message M {"+body+"}"))
		if (err != nil) != excessive || err != nil && !strings.Contains(err.Error(), "a rule of test.v1.M.a may cost too much") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
