package filter_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	// The types of the messages in the Any fields
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/grpcservice/grpcservice/runtime/filter"
)

func forUser(_ testing.TB, user protoreflect.MessageDescriptor, fields []string) *filter.Schema {
	return filter.For(user, filter.WithFields(fields...))
}

// matches reports whether a message matches a filter.
func matches(t testing.TB, f *filter.Filter, m proto.Message) bool {
	t.Helper()
	got, err := f.Match(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func publicText(err error) string { return status.Convert(err).Message() }

func TestMatch(t *testing.T) {
	groups := map[string]struct{ yes, no []string }{
		"logic": {
			yes: []string{``, `age = 36 AND active = true`, `age = 1 OR age = 36`, `NOT age = 1`, `-age:1`, `age = 36 OR age = 1 AND active = true`, `age = (1 OR 36)`},
			no:  []string{`age = 36 AND age = 1`, `age = 1 OR age = 2`, `-age = 36`, `active = true AND age = 1 OR age = 2`, `tags:(maths AND physics)`},
		},
		"strings": {
			yes: []string{`name = "Ada Lovelace"`, `name = "Ada*"`, `name = "*lace"`, `name = "A*a*L*e"`, `name = *`, `name:"*Love*"`, `name > "Ada"`, `name <= "Ada Lovelace"`, `name != Ada`, `name != "B*"`, `name:*`},
			no:  []string{`name = Ada`, `name = "ada lovelace"`, `name = "*Ada"`, `name = "Ada*Ada"`, `name = "Ada\*"`, `name != "A*"`, `name < "Ad*"`},
		},
		"numbers": {
			yes: []string{`age >= 36`, `age < 37`, `age != -1`, `big = -9007199254740993`, `count = 18446744073709551615`, `count > 0`, `small = 4000000000`, `ratio = 0.1`, `ratio <= 1e-1`, `score > 2.4`, `score = 25e-1`},
			no:  []string{`age > 36`, `age <= 35`, `big = -9007199254740992`, `count < 18446744073709551615`, `ratio > 0.1`, `score != 2.5`},
		},
		"booleans and enums": {
			yes: []string{`active = true`, `active != false`, `active:*`, `state = STATE_OPEN`, `state != STATE_CLOSED`, `state:STATE_OPEN`, `state = "STATE_OPEN"`},
			no:  []string{`active = false`, `state = STATE_CLOSED`, `-state:*`},
		},
		"times": {
			yes: []string{`created > 2012-04-21T11:30:00Z`, `created = 2012-04-21T13:30:00.5+02:00`, `created < "2012-04-21T11:30:00.500000001Z"`, `delay = 1.5s`, `delay > -2s`, `delay <= 1.500000000s`},
			no:  []string{`created <= 2012-04-21T11:30:00Z`, `delay < 1.5s`, `delay != 1.5s`},
		},
		"messages": {
			yes: []string{`address.city = London`, `address.country.code = GB`, `address:*`, `address:city`, `address.country:*`, `manager = null`, `manager.address.zip != 7`, `address != null`},
			no:  []string{`address.city = Paris`, `manager:*`, `manager.name = ""`, `manager.age < 100`, `address = null`},
		},
		"presence": {
			yes: []string{`nick_name:*`, `nick_name = ""`, `nick_name != null`, `limit = 0`, `limit:*`, `limit != null`, `title = "C*"`},
			no:  []string{`nick_name = null`, `limit = null`, `limit > 0`, `title = null`},
		},
		"lists": {
			yes: []string{`tags:maths`, `tags:"p*"`, `tags:*`, `numbers:42`, `homes.city:Paris`, `homes.country.code:FR`, `homes.zip:*`, `homes:*`, `-tags:physics`, `homes:country`},
			no:  []string{`tags:physics`, `numbers:2`, `homes.city:Rome`, `homes.country.code:GB`},
		},
		"maps": {
			yes: []string{`labels:tier`, `labels:t*`, `labels.tier:gold`, `labels.tier = gold`, `labels.tier:*`, `labels.empty:*`, `labels."a.b" = dotted`, `labels.none != gold`, `by_id:-3`, `by_id.-3.city = Rome`, `-labels:none`, `labels:*`},
			no:  []string{`labels:none`, `labels.none:*`, `labels.none = gold`, `labels.none = ""`, `labels.tier = silver`, `by_id:3`, `by_id.3.city = Rome`},
		},
		"structs": {
			yes: []string{`extra.x = 1.5`, `extra.x > 1`, `extra.s = "s*"`, `extra.s < t`, `extra.t = true`, `extra.t != false`, `extra.n = null`, `extra.none = null`, `extra.x != null`, `extra.n:*`, `extra.o.deep:down`, `extra.o:deep`, `extra.o:*`, `extra.l:1`, `extra.l.k:v`, `extra.none != 1`, `extra:x`, `json = text`, `list:1`, `list:two`, `extra.s != 1`, `extra.o.deep:*`},
			no:  []string{`extra.x = 2`, `extra.x = "1.5"`, `extra.s = 1`, `extra.t = 1`, `extra.t < true`, `extra.n != null`, `extra.none = 1`, `extra.none:*`, `extra.o:up`, `extra.o.none:*`, `extra.l:2`, `extra.l = 1`, `extra.s.deep = x`, `list:3`, `json.x = text`, `extra.o = deep`},
		},
		"packed messages": {
			yes: []string{`detail.reason = BROKEN`, `detail.metadata.zone:eu`, `detail:*`, `details.domain:x.org`, `detail.unknown != 1`, `detail.reason:*`},
			no:  []string{`detail.reason = OK`, `detail.unknown = 1`, `details.domain:y.org`, `detail.domain:*`},
		},
		"words alone": {
			yes: []string{`lovelace`, `"ada love"`, `poet*y`, `state_open`, `36`, `tier`, `down`, `Paris`, `ada london`, `-babbage`, `zone OR gold`},
			no:  []string{`babbage`, `hunter2`, `agent`, `35`, `state_closed`, `open`, `"true"`, `googleapis`},
		},
	}
	user := userDescriptor(t)
	schema, m := filter.For(user), message(t, user, ada)
	for group, filters := range groups {
		t.Run(group, func(t *testing.T) {
			wantMatches(t, schema, m, filters.yes, true)
			wantMatches(t, schema, m, filters.no, false)
		})
	}
}

func wantMatches(t *testing.T, schema *filter.Schema, m proto.Message, filters []string, want bool) {
	t.Helper()
	for _, text := range filters {
		f, err := schema.Parse("filter", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := matches(t, f, m); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestMinusZeroIsZero(t *testing.T) {
	user := userDescriptor(t)
	m := message(t, user, `{"score": -0.0, "ratio": -0.0}`)
	wantMatches(t, filter.For(user), m, []string{`score = 0`, `-score:*`, `-ratio:*`, `score = -0.0`}, true)
}

// TestWhatIsNotThereEqualsNothing matches filters against an empty message.
func TestWhatIsNotThereEqualsNothing(t *testing.T) {
	user := userDescriptor(t)
	schema, m := filter.For(user), message(t, user, `{}`)
	wantMatches(t, schema, m, []string{
		// Without presence, the zero value is a value
		`age = 0`, `name = ""`, `active = false`, `state = STATE_UNSPECIFIED`,
		`nick_name != x`, `nick_name = null`, `limit = null`, `created = null`, `detail = null`, `json = null`, `address.city != London`,
		`extra.x = null`, `json.x = null`, `detail.reason = null`, `detail.reason != x`, `-tags:*`, `-labels:x`, `-homes.city:x`,
	}, true)
	wantMatches(t, schema, m, []string{
		`nick_name = ""`, `limit = 0`, `limit >= 0`, `created < 2030-01-01T00:00:00Z`, `delay >= 0s`, `address.zip = 0`, `address:city`, `manager.address.city = ""`,
		`age:*`, `active:*`, `tags:*`, `tags:x`, `labels:*`, `labels.x = ""`, `json = x`, `json:*`, `list:*`, `list:1`, `extra:*`, `extra:x`, `detail.reason = ""`, `nick_name != null`,
	}, false)
}

func TestMessagesOfOtherTypes(t *testing.T) {
	f, err := filter.For(userDescriptor(t)).Parse("filter", `age = 36 OR labels.tier = gold`)
	if err != nil {
		t.Fatal(err)
	}
	if !matches(t, f, message(t, userDescriptor(t), ada)) {
		t.Error("the same message by another descriptor does not match")
	}
	if matches(t, f, structpb.NewStringValue("36")) || matches(t, f, nil) {
		t.Error("a message of another type matches")
	}
}

func TestGeneratedMessages(t *testing.T) {
	f, err := filter.For((&spb.Status{}).ProtoReflect().Descriptor()).Parse("filter", `code > 2 message:"*gone*"`)
	if err != nil {
		t.Fatal(err)
	}
	if !matches(t, f, &spb.Status{Code: 5, Message: "it is gone"}) || matches(t, f, &spb.Status{Code: 1}) || matches(t, f, (*spb.Status)(nil)) {
		t.Error("the filter is wrong about a status")
	}
}

func TestTypeFaults(t *testing.T) {
	tests := []struct{ text, want string }{
		{`age = 1 nam = x`, `column 9: no field "nam" to filter by; there are: name, age, big, count, ratio, score, active, state, data, nick_name, address, tags, and 15 more`},
		{`nickName = x`, `column 1: no field "nickName" to filter by; write nick_name`},
		{`address.street = x`, `column 9: no field "street" to filter by; there are: city, zip, country`},
		{`address:street`, `column 9: no field "street" to filter by; there are: city, zip, country`},
		{`password = x`, `column 1: no field "password" to filter by; there are: name, age, big, count, ratio, score, active, state, data, nick_name, address, tags, and 15 more`},
		{`address.country.secret:*`, `column 17: no field "secret" to filter by; there are: code`},
		{`name.first = x`, `column 6: name has no fields, as its type is string`},
		{`age = old`, `column 7: old does not fit age, which is a number of type int32, without quotes`},
		{`age = "36"`, `column 7: "36" does not fit age, which is a number of type int32, without quotes`},
		{`age = 36.5`, `column 7: 36.5 does not fit age, which is a number of type int32, without quotes`},
		{`age = 3000000000`, `column 7: 3000000000 does not fit age, which is a number of type int32, without quotes`},
		{`count = -1`, `column 9: -1 does not fit count, which is a number of type uint64, without quotes`},
		{`score = NaN`, `column 9: NaN does not fit score, which is a number of type double, without quotes`},
		{`score = 0x1p-2`, `column 9: 0x1p-2 does not fit score, which is a number of type double, without quotes`},
		{`active = yes`, `column 10: yes does not fit active, which is true or false`},
		{`active > false`, `column 1: active is of type bool, which has no order; there are "=", "!=" and ":"`},
		{`state = OPEN`, `column 9: OPEN does not fit state, which is one of STATE_UNSPECIFIED, STATE_OPEN, STATE_CLOSED`},
		{`state < STATE_OPEN`, `column 1: state is of type enum, which has no order; there are "=", "!=" and ":"`},
		{`data = x`, `column 1: data cannot be compared, as its type is bytes; data:* tests whether it is set`},
		{`tags = maths`, `column 1: tags is a list; write "tags:" for "has an element that is"`},
		{`homes.city = Paris`, `column 1: homes is a list; write "homes.city:" for "has an element that is"`},
		{`labels = x`, `column 1: labels is a map; write "labels:" for "has the key", or the key after a dot`},
		{`by_id.x.city = Rome`, `column 7: "x" is not a key of by_id; want a number of type int32, without quotes`},
		{`address = London`, `column 1: address is a message; compare one of its fields: city, zip, country`},
		{`created > yesterday`, `column 11: yesterday does not fit created, which is a time as in RFC 3339: 2012-04-21T11:30:00Z`},
		{`created < 9999-12-31T23:59:59-05:00`, `column 11: 9999-12-31T23:59:59-05:00 does not fit created, which is a time as in RFC 3339: 2012-04-21T11:30:00Z`},
		{`created > 0001-01-01T00:00:00+02:00`, `column 11: 0001-01-01T00:00:00+02:00 does not fit created, which is a time as in RFC 3339: 2012-04-21T11:30:00Z`},
		{`delay = 1h`, `column 9: 1h does not fit delay, which is a duration in seconds of at most 292 years: 20s, 1.5s`},
		{`delay = 9223372037s`, `column 9: 9223372037s does not fit delay, which is a duration in seconds of at most 292 years: 20s, 1.5s`},
		{`age = null`, `column 7: null does not fit age, which is a number of type int32, without quotes`},
		{`near(home)`, `column 1: there is no function "near"`},
		{`name = f(x)`, `column 8: a function cannot stand right of "="; a literal can`},
		{`name = x AND active`, `column 14: active is a field; write active = true, or put a word to search for in quotes`},
		{strings.Repeat("x", 50) + " = 1", `column 1: no field "` + strings.Repeat("x", 40) + `…" to filter by; there are: name, age, big, count, ratio, score, active, state, data, nick_name, address, tags, and 15 more`},
	}
	schema := filter.For(userDescriptor(t))
	for _, test := range tests {
		_, err := schema.Parse("filter", test.text)
		wantFault(t, test.text, err, test.want)
	}
}

func TestFieldsAndSearch(t *testing.T) {
	user := userDescriptor(t)
	m := message(t, user, ada)
	tests := []struct {
		name       string
		options    []filter.Option
		yes, wrong []string
	}{
		{"fields", []filter.Option{filter.WithFields("name", "address.country.code", "homes", "by_id.city")},
			[]string{`name:* "lovelace"`, `address.country.code = GB`, `homes.country.code:FR`, `by_id.-3.city:Rome`, `GB`, `-poetry`},
			[]string{`age = 36`, `address:*`, `address.city = London`, `address.country:code2`, `by_id:-3.zip`, `by_id.-3.zip = 1`, `homes.country.secret:x`}},
		{"redacted", []filter.Option{filter.WithFields("password", "address")}, []string{`password = hunter2`, `hunter2`, `-agent`}, []string{`address.country.secret = agent`}},
		{"search", []filter.Option{filter.WithSearch("tags", "address.country")}, []string{`maths`, `-lovelace`, `gb`, `-london`, `-agent`, `age = 36`}, nil},
		{"no search", []filter.Option{filter.WithSearch()}, []string{`age = 36`}, []string{`maths`, `"a b"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			schema := filter.For(user, test.options...)
			wantMatches(t, schema, m, test.yes, true)
			for _, text := range test.wrong {
				if _, err := schema.Parse("filter", text); err == nil {
					t.Errorf("%s is no error", text)
				}
			}
		})
	}
}

func TestFunctions(t *testing.T) {
	user := userDescriptor(t)
	longer := func(args []filter.Operand) (func(context.Context, proto.Message) bool, error) {
		if len(args) != 1 {
			return nil, fmt.Errorf("takes a field, has %d arguments", len(args))
		}
		field := user.Fields().ByName(protoreflect.Name(args[0].(*filter.Member).Path()))
		if field == nil {
			return nil, errors.New("takes a field")
		}
		return func(_ context.Context, m proto.Message) bool { return len(m.ProtoReflect().Get(field).String()) > 10 }, nil
	}
	schema := filter.For(user, filter.WithFunction("text.long", longer))
	m := message(t, user, ada)
	wantMatches(t, schema, m, []string{`text.long(name)`, `age = 36 AND NOT text.long(nick_name)`}, true)
	_, err := schema.Parse("filter", `age = 36 text.long()`)
	wantFault(t, "no arguments", err, "column 10: text.long: takes a field, has 0 arguments")
	_, err = schema.Parse("filter", `text.long(name) = true`)
	wantFault(t, "compared", err, "column 1: text.long is true or false by itself; it cannot be compared")
}

func TestTreeHasFieldsAndValues(t *testing.T) {
	schema := filter.For(userDescriptor(t))
	for text, want := range map[string]string{
		`name = "A*"`:                    "name string A*",
		`age < 3`:                        "age int64 3",
		`small = 3`:                      "small uint64 3",
		`ratio = 1.5`:                    "ratio float64 1.5",
		`active = true`:                  "active bool true",
		`state = STATE_OPEN`:             "state protoreflect.EnumNumber 1",
		`created > 2012-04-21T11:30:00Z`: "created time.Time 2012-04-21 11:30:00 +0000 UTC",
		`delay = 1.5s`:                   "delay time.Duration 1.5s",
		`limit = 4`:                      "limit int64 4",
		`homes.city:Paris`:               "city string Paris",
		`labels.tier = gold`:             "labels string gold",
		`labels:tier`:                    "labels string tier",
		`name:*`:                         "name <nil> <nil>",
		`limit = null`:                   "limit <nil> <nil>",
		`address:city`:                   "address <nil> <nil>",
		`detail.reason = x`:              "detail <nil> <nil>",
	} {
		f, err := schema.Parse("filter", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		r := f.Expr().(*filter.Restriction)
		if got := fmt.Sprintf("%s %T %v", r.Field.Name(), r.Value, r.Value); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestFilterIsSafeForConcurrentUse(t *testing.T) {
	user, other := userDescriptor(t), userDescriptor(t)
	f, err := filter.For(user).Parse("filter", `detail.reason = BROKEN AND extra.x = 1.5 AND ada`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, m := range []proto.Message{message(t, user, ada), message(t, user, ada), message(t, other, ada), message(t, other, ada)} {
		wg.Go(func() {
			if !matches(t, f, m) {
				t.Error("no match")
			}
		})
	}
	wg.Wait()
}

// FuzzMatch checks that any filter matches the same messages as the String of its tree.
func FuzzMatch(f *testing.F) {
	for _, text := range []string{`age = 36 AND name:"A*"`, `homes.country.code:FR extra.o.deep = x`, `created > 2012-04-21T11:30:00Z OR delay < 3s`, `detail.reason:* list:1`, `by_id.-3:* zip`} {
		f.Add(text)
	}
	user := userDescriptor(f)
	schema := filter.For(user)
	messages := []proto.Message{message(f, user, ada), message(f, user, `{}`)}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := schema.Parse("filter", text)
		if err != nil {
			return
		}
		again, err := schema.Parse("filter", parsed.String())
		if err != nil {
			return // FuzzParse covers these
		}
		var got, want []bool
		for _, m := range messages {
			got, want = append(got, matches(t, again, m)), append(want, matches(t, parsed, m))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q and %q differ: %s", text, parsed, diff)
		}
	})
}
