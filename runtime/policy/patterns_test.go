package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everyPattern is a method that has all of them, which none in a proto can.
var everyPattern = keyed(methodWith("page", "batch", "operation"))

// methodWith returns a method with the patterns that the options configure.
func methodWith(options ...string) (m Method) {
	for _, option := range options {
		m.Patterns.Add(option)
	}
	return m
}

// keyed returns the method with an idempotency key.
func keyed(m Method) Method {
	m.Patterns.AddIdempotencyKey(IdempotencyKey{Field: "request_id", UUID4: true})
	return m
}

func TestLimitsOfPatterns(t *testing.T) {
	defaults := Policy{
		Page:           Page{DefaultSize: 50, MaxSize: 1000, TokenTTL: 72 * time.Hour},
		Batch:          Batch{MaxSize: 1000, Concurrency: 8},
		Operation:      Operation{Lease: 30 * time.Second, Retain: 720 * time.Hour, MaxAttempts: 3},
		IdempotencyKey: IdempotencyKey{Field: "request_id", UUID4: true, Window: 24 * time.Hour},
	}
	with := func(change func(*Policy)) Policy {
		p := defaults
		change(&p)
		return p
	}
	for name, test := range map[string]struct {
		method        Method
		defaults, own string
		want          Policy
	}{
		"defaults":                    {everyPattern, "", "", defaults},
		"no pattern":                  {writes, `page {max_size: 5}`, "", Policy{}},
		"a maximum below the default": {everyPattern, `page {max_size: 20}`, "", with(func(p *Policy) { p.Page.DefaultSize, p.Page.MaxSize = 20, 20 })},
		"a default above the maximum": {everyPattern, "", `page {default_size: 5000}`, with(func(p *Policy) { p.Page.DefaultSize, p.Page.MaxSize = 5000, 5000 })},
		"field by field":              {everyPattern, `page {max_size: 200}`, `page {default_size: 5}`, with(func(p *Policy) { p.Page.DefaultSize, p.Page.MaxSize = 5, 200 })},
		"tokens for ever":             {everyPattern, `page {token_ttl: "1h"}`, `page {token_ttl: "0s"}`, with(func(p *Policy) { p.Page.TokenTTL = None })},
		"empty batches":               {everyPattern, `batch {max_size: 5 concurrency: 2}`, `batch {allow_empty: true}`, with(func(p *Policy) { p.Batch = Batch{MaxSize: 5, Concurrency: 2, AllowEmpty: true} })},
		"operations that are kept":    {everyPattern, "", `operation {retain: "0s"}`, with(func(p *Policy) { p.Operation.Retain = None })},
		"operations without a limit":  {everyPattern, `operation {timeout: "1h"}`, `operation {timeout: "0s"}`, defaults},
		"operations that wait":        {everyPattern, "", `operation {on_conflict: ON_CONFLICT_QUEUE timeout: "1h" lease: "1m" max_attempts: 1}`, with(func(p *Policy) { p.Operation = Operation{time.Minute, 720 * time.Hour, time.Hour, 1, QueueOnConflict} })},
		"operations that take over":   {everyPattern, "", `operation {on_conflict: ON_CONFLICT_PREEMPT}`, with(func(p *Policy) { p.Operation.OnConflict = PreemptOnConflict })},
		"how long answers are kept":   {everyPattern, "", `idempotency_key {window: "1h"}`, with(func(p *Policy) { p.IdempotencyKey.Window = time.Hour })},
		"a wide rule leaves streams":  {watch, `page {max_size: 5} idempotency_key {window: "1h"}`, "", Policy{Idempotency: NoSideEffects}},
		"a stream takes nothing away": {watch, "", `page {off: true}`, Policy{Idempotency: NoSideEffects}},
		"disabled, whatever it sets":  {writes, `batch {max_size: 5}`, `batch {off: true}`, Policy{}},
		"back again":                  {everyPattern, `batch {off: true}`, `batch {off: false max_size: 7}`, with(func(p *Policy) { p.Batch.MaxSize = 7 })},
	} {
		got, faults := Of(test.method, parse(t, test.defaults), parse(t, test.own))
		if diff := cmp.Diff(test.want, got); diff != "" || len(faults) > 0 {
			t.Errorf("%s: %v (-want +got):\n%s", name, faults, diff)
		}
	}
}

func TestWhatCannotBeSaidOfPatterns(t *testing.T) {
	for _, test := range []struct {
		method        Method
		defaults, own string
		want          string
	}{
		{writes, "", `page {default_size: 0}`, `page.default_size: 0 is out of range; want 1 or more`},
		{writes, "", `page {max_size: -1}`, `page.max_size: -1 is out of range; want 1 or more`},
		{writes, "", `page {default_size: 9 max_size: 5}`, `page.default_size: 9 is above page.max_size, which is 5; lower one or raise the other`},
		{writes, `page {max_size: 5}`, `page {default_size: 9}`, `page.default_size: 9 is above page.max_size, which is 5; lower one or raise the other`},
		{writes, "", `page {token_ttl: "1"}`, `page.token_ttl: "1" is not a duration; write it as in "250ms", "2s" or "1m30s"`},
		{writes, "", `page {items: ""}`, `page.items: "" is not a name; write it as in "page.token"`},
		{writes, "", `page {vary: "a" vary: "a..b"}`, `page.vary[1]: "a..b" is not a name; write it as in "page.token"`},
		{writes, "", `page {off: true items: "books"}`, `page.off: it disables the pattern that page.items configures; remove one of them`},
		{writes, "", `batch {max_size: 0}`, `batch.max_size: 0 is out of range; want 1 or more`},
		{writes, "", `batch {concurrency: 0}`, `batch.concurrency: 0 is out of range; want 1 or more`},
		{writes, "", `batch {mode: 9}`, `batch.mode: 9 is not a value of grpcservice.v1.Batch.Mode`},
		{writes, "", `operation {lease: "0s"}`, `operation.lease: 0s is too short for a worker to renew; want at least 1s`},
		{writes, "", `operation {lease: "-1s"}`, `operation.lease: -1s is negative; want a duration of 0 or more`},
		{writes, "", `operation {max_attempts: 0}`, `operation.max_attempts: 0 is out of range; want 1 or more`},
		{writes, "", `operation {on_conflict: 7}`, `operation.on_conflict: 7 is not a value of grpcservice.v1.Operation.OnConflict`},
		{writes, "", `operation {response_type: "a b"}`, `operation.response_type: "a b" is not a name; write it as in "page.token"`},
		{writes, "", `idempotency_key {window: "0s"}`, `idempotency_key.window: it is 0; want a duration above 0`},
		{watch, "", `page {max_size: 5}`, `page: it is for methods without a stream; remove it`},
		{watch, "", `idempotency_key {field: "id"}`, `idempotency_key: it is for methods without a stream; remove it`},
		{writes, `page {items: "books"}`, "", `page.items: it names fields of a single method; set it for that method only`},
		{writes, `idempotency_key {field: "id"}`, "", `idempotency_key.field: it names fields of a single method; set it for that method only`},
		{writes, `page {off: true}`, `page {max_size: 5}`, `page.max_size: the service, or a rule for several methods, disables the pattern; set page.off to false beside it`},
	} {
		_, faults := Of(test.method, parse(t, test.defaults), parse(t, test.own))
		if len(faults) != 1 || faults[0].Error() != test.want {
			t.Errorf("%s and %s: faults %v, want %s", test.defaults, test.own, faults, test.want)
		}
	}
}

// TestLaterRulesTakePatternsAway checks that what a method says of a pattern is no fault where a
// rule disables the pattern.
func TestLaterRulesTakePatternsAway(t *testing.T) {
	merged, faults := Merge(writes, []Layer{{Policy: parse(t, `page {max_size: 5}`)}, {Policy: parse(t, `page {off: true}`)}, {Policy: parse(t, `page {max_size: 7}`), Wide: true}})
	if len(faults) > 0 || !merged.GetPage().GetOff() || merged.GetPage().MaxSize != nil {
		t.Errorf("merged to %v, %v", merged, faults)
	}
}

func TestOverrideOfLimits(t *testing.T) {
	table := everyPattern.Policy(parse(t, `page {max_size: 100 token_ttl: "0s"} batch {allow_empty: true} operation {on_conflict: ON_CONFLICT_QUEUE retain: "0s"}`))
	for options, change := range map[string]func(*Policy){
		`page {max_size: 10}`:              func(p *Policy) { p.Page.MaxSize, p.Page.DefaultSize = 10, 10 },
		`page {token_ttl: "1h"}`:           func(p *Policy) { p.Page.TokenTTL = time.Hour },
		`batch {max_size: 3}`:              func(p *Policy) { p.Batch.MaxSize = 3 },
		`batch {allow_empty: false}`:       func(p *Policy) { p.Batch.AllowEmpty = false },
		`batch {own_policy: true}`:         func(p *Policy) { p.Batch.OwnPolicy = true },
		`operation {max_attempts: 9}`:      func(p *Policy) { p.Operation.MaxAttempts = 9 },
		`operation {timeout: "1h"}`:        func(p *Policy) { p.Operation.Timeout = time.Hour },
		`idempotency_key {window: "1m"}`:   func(p *Policy) { p.IdempotencyKey.Window = time.Minute },
		`timeout {default: "1s"}`:          func(p *Policy) { p.Timeout = time.Second },
		`page {default_size: 50}`:          func(*Policy) {},
		`operation {retain: "0s"} page {}`: func(*Policy) {},
	} {
		for _, wide := range []bool{true, false} {
			want := table
			change(&want)
			got, faults := Override(table, writes, Layer{Policy: parse(t, options), Wide: wide})
			if diff := cmp.Diff(want, got); diff != "" || len(faults) > 0 {
				t.Errorf("%s: %v (-want +got):\n%s", options, faults, diff)
			}
		}
	}
}

func TestOverrideOfWhatIsGenerated(t *testing.T) {
	paged := methodWith("page").Policy(parse(t, `log {}`))
	for _, test := range []struct {
		table   Policy
		wide    bool
		options string
		want    string
	}{
		{paged, false, `page {items: "books"}`, `page.items: it is fixed in the generated code; set it in the proto, or in the plugin's policy file`},
		{paged, true, `page {items: "books"}`, `page.items: it is fixed in the generated code; set it in the proto, or in the plugin's policy file`},
		{paged, true, `page {off: true}`, `page.off: the pattern is part of the generated code; set it in the proto, or in the plugin's policy file`},
		{paged, false, `batch {max_size: 5}`, `batch: the method does not have this pattern in the generated code; remove it`},
		{Policy{}, false, `idempotency_key {window: "1h"}`, `idempotency_key: the method does not have this pattern in the generated code; remove it`},
		{paged, false, `page {max_size: 0}`, `page.max_size: 0 is out of range; want 1 or more`},
		{paged, true, `page {max_size: 0}`, `page.max_size: 0 is out of range; want 1 or more`},
		{paged, true, `batch {max_size: 5}`, ``},
		{Policy{Page: Page{DefaultSize: -1, MaxSize: 5}}, true, `log {}`, `page.default_size: -1 is out of range; want 1 or more (in the policy that is overridden)`},
	} {
		got, faults := Override(test.table, writes, Layer{Policy: parse(t, test.options), Wide: test.wide})
		var texts []string
		for _, fault := range faults {
			texts = append(texts, fault.Error())
		}
		if strings.Join(texts, "\n") != test.want {
			t.Errorf("%s: faults %q, want %q", test.options, texts, test.want)
		}
		if diff := cmp.Diff(test.table, got); diff != "" {
			t.Errorf("%s: %s", test.options, diff)
		}
	}
}

func TestPatternsOf(t *testing.T) {
	for _, name := range []string{"page", "batch", "operation", "idempotency_key",
		"search", "subscription", "upload", "bulk", "handshake", "room"} {
		m := methodWith(name)
		if name == "idempotency_key" {
			m = keyed(Method{})
		}
		has := PatternsOf(m.Policy(parse(t, `log {}`)))
		for _, r := range rules.patterns() {
			if got := has.Has(r.name); got != (r.name == name) {
				t.Errorf("the policy of a method with %s has the pattern %s: %v", name, r.name, got)
			}
		}
	}
}
