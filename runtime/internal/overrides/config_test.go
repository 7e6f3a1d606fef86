package overrides_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/overrides"
)

// TestPlacesOfErrors checks the places of errors within an entry, in both spellings of names.
func TestPlacesOfErrors(t *testing.T) {
	for text, want := range map[string]string{
		"{\"a.B/C\":{\"max_request_bytes\":-1}}":                                         "f:1:11: a.B/C for a.B/C: max_request_bytes:",
		"{\"a.B/C\":\n{\"maxRequestBytes\": -1}}":                                        "f:2:2: a.B/C for a.B/C: max_request_bytes:",
		"{\"a.B/C\":{\"rate\":[{\"per_second\":1},\n\t{\"per_second\":0,\"burst\":1}]}}": "f:2:3: a.B/C for a.B/C: rate[1].per_second:",
		"{\"a.B/C\":{\"rate\":[{\"perSecond\":1},\n  {}]}}":                              "f:2:3: a.B/C for a.B/C: rate[1].per_second:",
		"{\"a.B/C\":{\"concurrency\":\n{\"max_wait\":\"1s\"}}}":                          "f:1:11: a.B/C for a.B/C: concurrency.limit:",
		"{\"x\":{},\n \"a.B/\\u0043\": {\"log\": {\"sample\": 2}}}":                      "f:2:25: a.B/C for a.B/C: log.sample:",
		"{\"a.B/*\": {\"balancing\": {\"policy\": \"POLICY_PICK_FIRST\"}}}":              "f:1:12: a.B/* for a.B/C: balancing: clients apply it",
		"{\"a.B/C\": {\"balancing\": {\"connections\": 2}}}":                             "f:1:12: a.B/C for a.B/C: balancing: it is for services",
		"{\"a.B/C\": 5}":                   "f:1:11: a.B/C: ",
		"{\"a.B/C\": {\"timeout\": [\n]}}": "f:1:23: a.B/C: ",
	} {
		o := overrides.New()
		file, err := overrides.ReadFile("f", []byte(text))
		if err == nil {
			o.SetFile(file)
			o.Apply(runtime.NewMethodInfo("a.B", "C", runtime.KindUnary, runtime.Policy{}))
			err = errors.Join(o.Faults()...)
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// FuzzPolicyFile reads files and applies them. Whatever they contain, an error has a text.
func FuzzPolicyFile(f *testing.F) {
	for _, text := range []string{
		``, `{`, `[]`, `{"a.B/C": {"rate": [{"perSecond": 1, "burst": 0}]}}`, "{\n\"a.B/*\": {\"timeout\": {\"default\": \"x\"}},\"a.B/C\":{}}",
		`{"a.B/C": {"auth": {"allOf": ["\u0000"]}, "log": {"level": "LEVEL_WARN"}}, "a.B/C": null}`, `{"a.B/C": {"\ud800": 1}}`,
	} {
		f.Add(text)
	}
	info := runtime.NewMethodInfo("a.B", "C", runtime.KindUnary, runtime.Policy{})
	f.Fuzz(func(t *testing.T, text string) {
		o := overrides.New()
		file, err := overrides.ReadFile("f", []byte(text))
		if err == nil {
			var plan *overrides.Plan
			if plan, err = o.Plan(file, []overrides.Bound{{Table: info}}, true); err == nil {
				o.Commit(plan)
				if again, err := o.Plan(file, []overrides.Bound{{Table: info, Policy: plan.Policies[0]}}, true); err != nil || len(again.Changes[0]) > 0 {
					t.Errorf("%q is different when it is read again: %v, %v", text, again, err)
				}
			}
		}
		if err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// TestErrorsOfALargeFile holds that a file full of errors is rejected without much work.
func TestErrorsOfALargeFile(t *testing.T) {
	const entry = "\"a.B/C\": {\"x\": 1},\n"
	text := "{" + strings.Repeat(entry, 8<<20/len(entry)-1) + "\"x\": {}}"
	if _, err := overrides.ReadFile("f", []byte(text)); err == nil || strings.Count(err.Error(), "\n") != 10 {
		t.Errorf("%v", err)
	}
}
