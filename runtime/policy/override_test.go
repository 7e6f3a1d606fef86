package policy

import (
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOverridingNothingChangesNothing(t *testing.T) {
	for options, m := range map[string]Method{
		`timeout {default: "2s" max: "0s"} auth {all_of: "a" any_of: "b"} rate {per_second: 3 burst: 9 key: KEY_PRINCIPAL} rate {per_second: 0.5}`: writes,
		`concurrency {limit: 9 adaptive: true max_wait: "1s"} max_request_bytes: 10 log {level: LEVEL_DEBUG sample: 0.5}`:                          {HasRules: true},
		`retry {codes: "ABORTED"} max_request_bytes: 0 log {level: LEVEL_ERROR sample: 0}`:                                                         reads,
		`retry {idempotent: true} auth {public: true}`:                                                                                             writes,
		`hedging {delay: "0s" max_attempts: 3}`:                                                                                                    reads,
		`timeout {idle: "1m" total: "0s"} auth {} log {level: LEVEL_WARN}`:                                                                         watch,
	} {
		want, faults := Of(m, nil, parse(t, options))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		got, faults := Override(want, m, Layer{})
		if len(faults) > 0 {
			t.Errorf("%s: %v", options, faults)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", options, diff)
		}
	}
}

func TestOverride(t *testing.T) {
	table, _ := Of(writes, nil, parse(t, `timeout {default: "2s" max: "9s"} rate {per_second: 3}`))
	got, faults := Override(table, writes, Layer{Policy: parse(t, `timeout {max: "5s"} rate {per_second: 7}`)})
	want, _ := Of(writes, nil, parse(t, `timeout {default: "2s" max: "5s"} rate {per_second: 7}`))
	if diff := cmp.Diff(want, got); diff != "" || len(faults) > 0 {
		t.Error(faults, diff)
	}
	if _, faults := Override(table, writes, Layer{Policy: parse(t, `timeout {max: "1s"}`)}); len(faults) != 1 {
		t.Errorf("a maximum below the default gave the faults %v", faults)
	}
}

// TestFaultsLeaveTheTableAsItIs checks that no rule, such as who may call, is lost where an
// override cannot be laid.
func TestFaultsLeaveTheTableAsItIs(t *testing.T) {
	auth := &Auth{AllOf: []string{"admin"}}
	for name, test := range map[string]struct {
		table Policy
		over  Layer
		want  string
	}{
		"a row with a wrong rate": {Policy{Auth: auth, Rates: []Rate{{PerSecond: 5}}}, Layer{Policy: parse(t, `log {sample: 0.5}`)},
			`rate[0].burst: 0 is out of range; want 1 or more (in the policy that is overridden)`},
		"a row with a wrong timeout": {Policy{Auth: auth, Timeout: 2, MaxTimeout: 1}, Layer{Policy: parse(t, `log {}`), Wide: true},
			`timeout.default: 2ns is above timeout.max`},
		"a wide layer":              {Policy{Auth: auth}, Layer{Policy: parse(t, `rate {per_second: -1}`), Wide: true}, `rate[0].per_second: -1 is out of range; want a number above 0`},
		"a layer":                   {Policy{Auth: auth}, Layer{Policy: parse(t, `rate {per_second: -1}`)}, `rate[0].per_second: -1 is out of range; want a number above 0`},
		"both together":             {Policy{Auth: auth, Timeout: 2}, Layer{Policy: parse(t, `timeout {max: "1ns"}`), Wide: true}, `timeout.default: 2ns is above`},
		"a limit beyond an int32":   {Policy{Auth: auth, Rates: []Rate{{PerSecond: 1, Burst: math.MinInt}}}, Layer{}, `rate[0].burst: -2147483648`},
		"a layer that does not fit": {Policy{Auth: auth}, Layer{Policy: parse(t, `timeout {idle: "1s"}`)}, `timeout: idle and total are for streams`},
	} {
		got, faults := Override(test.table, writes, test.over)
		if len(faults) != 1 || !strings.HasPrefix(faults[0].Error(), test.want) {
			t.Errorf("%s: faults %v, want %q", name, faults, test.want)
		}
		if diff := cmp.Diff(test.table, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestOverrideKeepsWhatItDoesNotSpeakOf checks that what options cannot say, but a table can,
// stays.
func TestOverrideKeepsWhatItDoesNotSpeakOf(t *testing.T) {
	hedging := Hedging{Delay: time.Second, MaxAttempts: 2, NonFatalCodes: []string{"ABORTED"}} // of a method that is not idempotent
	table := Policy{Hedging: hedging, Log: Log{Level: slog.Level(2)}, Rates: []Rate{{PerSecond: 1, Burst: math.MaxInt, Key: 9}}}
	standardRetry := Retry{
		MaxAttempts: 3, InitialBackoff: 100 * time.Millisecond, MaxBackoff: time.Second, Multiplier: 2,
		Codes: []string{"UNAVAILABLE"},
	}
	for options, want := range map[string]Policy{
		`max_request_bytes: 5`:      {Hedging: hedging, Log: table.Log, Rates: table.Rates, MaxRequestBytes: 5},
		`log {sample: 0.5}`:         {Hedging: hedging, Log: Log{Level: 2, Sample: 0.5}, Rates: table.Rates},
		`log {level: LEVEL_ERROR}`:  {Hedging: hedging, Log: Log{Level: slog.LevelError}, Rates: table.Rates},
		`retry {max_attempts: 0}`:   {Hedging: hedging, Log: table.Log, Rates: table.Rates},
		`hedging {delay: "5s"}`:     {Hedging: hedging, Log: table.Log, Rates: table.Rates}, // does not fit
		`auth {public: true}`:       {Hedging: hedging, Log: table.Log, Rates: table.Rates, Auth: &Auth{Public: true}},
		`hedging {max_attempts: 0}`: {Hedging: hedging, Log: table.Log, Rates: table.Rates}, // does not fit
		`concurrency {limit: 3}`:    {Hedging: hedging, Log: table.Log, Rates: table.Rates, Concurrency: Concurrency{Limit: 3}},
		`rate {per_second: 0}`:      {Hedging: hedging, Log: table.Log},
		`timeout {idle: "1s"}`:      {Hedging: hedging, Log: table.Log, Rates: table.Rates}, // does not fit
		`validation {skip: false}`:  {Hedging: hedging, Log: table.Log, Rates: table.Rates},
		`timeout {default: "1s"}`:   {Hedging: hedging, Log: table.Log, Rates: table.Rates, Timeout: time.Second},
		`retry {idempotent: true}`:  {Log: table.Log, Rates: table.Rates, Retry: standardRetry},
	} {
		got, faults := Override(table, writes, Layer{Policy: parse(t, options), Wide: true})
		if diff := cmp.Diff(want, got); diff != "" || len(faults) > 0 {
			t.Errorf("%s: %v %s", options, faults, diff)
		}
	}
}

func TestOverrideOfValidation(t *testing.T) {
	for _, test := range []struct {
		table, rules bool
		options      string
		want         bool
	}{
		{false, true, `validation {skip: false}`, true}, {false, false, `validation {skip: false}`, false},
		{false, true, `log {}`, false}, {true, true, `log {}`, true}, {true, true, `validation {skip: true}`, false},
	} {
		got, faults := Override(Policy{Validate: test.table}, Method{HasRules: test.rules}, Layer{Policy: parse(t, test.options)})
		if got.Validate != test.want || len(faults) > 0 {
			t.Errorf("%+v: %v %v", test, got.Validate, faults)
		}
	}
}
