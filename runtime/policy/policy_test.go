package policy

import (
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// parse reads the options of a test; nothing is no options.
func parse(t *testing.T, text string) *grpcservicev1.Policy {
	t.Helper()
	if text == "" {
		return nil
	}
	p := &grpcservicev1.Policy{}
	if err := prototext.Unmarshal([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	writes = Method{}
	reads  = Method{Idempotency: NoSideEffects}
	watch  = Method{ServerStreams: true, Idempotency: NoSideEffects}
)

func TestOf(t *testing.T) {
	for name, test := range map[string]struct {
		method        Method
		defaults, own string
		want          Policy
	}{
		"nothing": {writes, "", "", Policy{}},
		"the service's": {writes, `timeout {default: "2s" max: "1m"}`, "",
			Policy{Timeout: 2 * time.Second, MaxTimeout: time.Minute}},
		"field by field": {writes, `timeout {default: "2s" max: "1m"}`, `timeout {default: "3s"}`,
			Policy{Timeout: 3 * time.Second, MaxTimeout: time.Minute}},
		"an explicit zero": {writes, `timeout {default: "2s" max: "1m"}`, `timeout {default: "0s" max: "0s"}`,
			Policy{Timeout: None, MaxTimeout: None}},
		"what fits a stream": {watch, `timeout {default: "2s" max: "1m" idle: "1m" total: "1h"}`, "",
			Policy{Idempotency: NoSideEffects, IdleTimeout: time.Minute, TotalTimeout: time.Hour}},
		"who may call is replaced": {writes, `auth {all_of: "a" any_of: "b"}`, `auth {public: true}`,
			Policy{Auth: &Auth{Public: true}}},
		"whom the authenticator knows": {writes, `auth {public: true}`, `auth {}`, Policy{Auth: &Auth{}}},
		"rates are replaced": {writes, `rate {per_second: 1}`, `rate {per_second: 2.5} rate {per_second: 3 burst: 9 key: KEY_PRINCIPAL}`,
			Policy{Rates: []Rate{{PerSecond: 2.5, Burst: 3}, {PerSecond: 3, Burst: 9, Key: ByPrincipal}}}},
		"a rate below one": {writes, "", `rate {per_second: 0.1 key: KEY_PEER}`, Policy{Rates: []Rate{{PerSecond: 0.1, Burst: 1, Key: ByPeer}}}},
		"concurrency": {writes, `concurrency {limit: 9 max_wait: "1s"}`, `concurrency {adaptive: true max_wait: "0s"}`,
			Policy{Concurrency: Concurrency{Limit: 9, Adaptive: true}}},
		"retry by default": {reads, `retry {}`, "", Policy{Idempotency: NoSideEffects, Retry: Retry{MaxAttempts: 3,
			InitialBackoff: 100 * time.Millisecond, MaxBackoff: time.Second, Multiplier: 2, Codes: []string{"UNAVAILABLE"}}}},
		"retry is not for writes": {writes, `retry {}`, "", Policy{}},
		"retry of writes": {writes, `retry {codes: "ABORTED"}`, `retry {idempotent: true max_attempts: 5 initial_backoff: "2s" backoff_multiplier: 1 codes: "UNAVAILABLE"}`,
			Policy{Retry: Retry{MaxAttempts: 5, InitialBackoff: 2 * time.Second, MaxBackoff: 2 * time.Second, Multiplier: 1, Codes: []string{"UNAVAILABLE"}}}},
		"hedging in place of retry": {reads, `retry {}`, `hedging {delay: "50ms"}`, Policy{Idempotency: NoSideEffects,
			Hedging: Hedging{Delay: 50 * time.Millisecond, MaxAttempts: 2, NonFatalCodes: []string{"UNAVAILABLE"}}}},
		"hedging is not for streams": {watch, `hedging {delay: "50ms"}`, "", Policy{Idempotency: NoSideEffects}},
		"size":                       {writes, `max_request_bytes: 10`, `max_request_bytes: 0`, Policy{MaxRequestBytes: -1}},
		"log":                        {writes, `log {level: LEVEL_WARN sample: 0.5}`, `log {level: LEVEL_DEBUG sample: 0}`, Policy{Log: Log{Level: slog.LevelDebug, Sample: -1}}},
		"all of the log":             {writes, `log {sample: 0.5}`, `log {sample: 1}`, Policy{}},
		"rates disabled":             {writes, `rate {per_second: 5}`, `rate {per_second: 0}`, Policy{}},
		"concurrency disabled":       {writes, `concurrency {limit: 9 adaptive: true}`, `concurrency {limit: 0}`, Policy{}},
		"retry disabled":             {reads, `retry {max_attempts: 4}`, `retry {max_attempts: 0}`, Policy{Idempotency: NoSideEffects}},
		"retry taken from writes":    {writes, `retry {idempotent: true}`, `retry {max_attempts: 0}`, Policy{}},
		"hedging disabled":           {reads, `hedging {delay: "1s"}`, `hedging {max_attempts: 0}`, Policy{Idempotency: NoSideEffects}},
		"the method trusts the service's retry": {writes, `retry {max_attempts: 2 codes: "ABORTED"}`, `retry {idempotent: true}`, Policy{Retry: Retry{
			MaxAttempts: 2, InitialBackoff: 100 * time.Millisecond, MaxBackoff: time.Second, Multiplier: 2, Codes: []string{"ABORTED"}}}},
		"rules":                  {Method{HasRules: true}, "", "", Policy{Validate: true}},
		"rules that are skipped": {Method{HasRules: true}, `validation {skip: true}`, "", Policy{}},
		"skipped but here":       {Method{HasRules: true}, `validation {skip: true}`, `validation {skip: false}`, Policy{Validate: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got, faults := Of(test.method, parse(t, test.defaults), parse(t, test.own))
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	for own, test := range map[string]struct {
		method   Method
		defaults string
		want     string
	}{
		`timeout {default: "5"}`:            {writes, "", `timeout.default: "5" is not a duration`},
		`timeout {default: "-5s"}`:          {writes, "", `timeout.default: -5s is negative`},
		`timeout {max: "9999999h"}`:         {writes, "", `timeout.max: "9999999h" is not a duration`},
		`timeout {max: "2000000h"}`:         {writes, "", `timeout.max: 2000000h0m0s is more than a hundred years`},
		`timeout {default: "2s" max: "1s"}`: {writes, "", `timeout.default: 2s is above timeout.max, which is 1s`},
		`timeout {default: "3s"}`:           {writes, `timeout {max: "2s"}`, `timeout.default: 3s is above timeout.max, which is 2s`},
		`timeout {idle: "2s" total: "1s"}`:  {watch, "", `timeout.idle: 2s is above timeout.total, which is 1s`},
		`timeout {idle: "2s"}`:              {reads, "", `timeout: idle and total are for streams`},
		`timeout {max: "2s"}`:               {watch, "", `timeout: default and max are for methods without a stream`},
		`auth {public: true all_of: "a"}`:   {writes, "", `auth.public: public and required scopes are mutually exclusive`},
		`auth {all_of: "a b"}`:              {writes, "", `auth.all_of[0]: the scope "a b" contains ' '`},
		`auth {public: true principals: "a"}`: {writes, "",
			`auth.public: public and principals are mutually exclusive`},
		`auth {principals: "a" principals: ""}`: {writes, "",
			`auth.principals[1]: a principal is empty`},
		`auth {principals: "a/*"}`: {writes, "",
			`auth.principals[0]: the principal "a/*" ends with a star; only SPIFFE IDs may`},
		`auth {principals: "spiffe://example.org/a*"}`: {writes, "",
			`auth.principals[0]: the SPIFFE ID "spiffe://example.org/a*" is malformed: its path contains '*'`},
		`auth {principals: "spiffe://*"}`:                  {writes, "", `auth.principals[0]: the SPIFFE ID "spiffe://*" is malformed: it has no path`},
		`auth {principals: "a\nb"}`:                        {writes, "", `auth.principals[0]: the principal "a\nb" contains characters that are not printable`},
		`auth {any_of: "x" any_of: ""}`:                    {writes, "", `auth.any_of[1]: a scope is empty`},
		`rate {burst: 5}`:                                  {writes, "", `rate[0].per_second: it is not set`},
		`rate {per_second: 0 burst: 1}`:                    {writes, "", `rate[0].per_second: 0 is out of range; want a number above 0`},
		`rate {per_second: nan}`:                           {writes, "", `rate[0].per_second: NaN is out of range; want a number above 0`},
		`rate {per_second: inf}`:                           {writes, "", `rate[0].per_second: +Inf is out of range; want a number above 0`},
		`rate {per_second: 1 burst: 0}`:                    {writes, "", `rate[0].burst: 0 is out of range; want 1 or more`},
		`rate {per_second: 1} rate {per_second: 1 key: 9}`: {writes, "", `rate[1].key: 9 is not a value of grpcservice.v1.Rate.Key`},
		`concurrency {adaptive: true}`:                     {writes, "", `concurrency.limit: it is not set`},
		`concurrency {limit: -1}`:                          {writes, "", `concurrency.limit: -1 is negative`},
		`concurrency {limit: 1 max_wait: "x"}`:             {writes, "", `concurrency.max_wait: "x" is not a duration`},
		`retry {}`:                                         {writes, "", `retry: the method is not idempotent`},
		`retry {max_attempts: 6}`:                          {reads, "", `retry.max_attempts: 6 is out of range; want 2 to 5`},
		`retry {initial_backoff: "0s"}`:                    {reads, "", `retry.initial_backoff: it is 0; want a duration above 0`},
		`retry {initial_backoff: "2s" max_backoff: "1s"}`:  {reads, "", `retry.initial_backoff: 2s is above retry.max_backoff, which is 1s`},
		`retry {backoff_multiplier: 0.5}`:                  {reads, "", `retry.backoff_multiplier: 0.5 is out of range; want 1 to 100`},
		`retry {codes: "OK"}`:                              {reads, "", `retry.codes[0]: "OK" is not the status code of an error`},
		`hedging {}`:                                       {reads, "", `hedging.delay: it is not set`},
		`hedging {delay: "1s" max_attempts: 1}`:            {reads, "", `hedging.max_attempts: 1 is out of range; want 2 to 5`},
		`hedging {delay: "1s"}`:                            {writes, "", `hedging: the method is not idempotent`},
		`hedging {delay: "1ms"}`:                           {watch, "", `hedging: it is for methods without a stream`},
		`hedging {delay: "1s"} retry {}`:                   {reads, "", `hedging: retry and hedging are mutually exclusive`},
		`max_request_bytes: -1`:                            {writes, "", `max_request_bytes: -1 is negative`},
		`log {sample: 1.5}`:                                {writes, "", `log.sample: 1.5 is out of range; want 0 to 1`},
		`log {sample: nan}`:                                {writes, "", `log.sample: NaN is out of range; want 0 to 1`},
		`log {level: 9}`:                                   {writes, "", `log.level: 9 is not a value of grpcservice.v1.Log.Level`},
	} {
		t.Run(own, func(t *testing.T) {
			_, faults := Of(test.method, parse(t, test.defaults), parse(t, own))
			if len(faults) != 1 || !strings.HasPrefix(faults[0].Error(), test.want) {
				t.Errorf("faults %v, want %q", faults, test.want)
			}
		})
	}
}

func TestFieldsOfANewerVersionAreFaults(t *testing.T) {
	p := parse(t, `timeout {default: "1s"}`)
	p.GetTimeout().ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 1})
	if faults := Check(p); len(faults) != 1 || faults[0].Field != "timeout" {
		t.Errorf("faults %v, want one of timeout", faults)
	}
}

func TestWrongDefaultsAreReportedOnce(t *testing.T) {
	defaults := parse(t, `timeout {default: "x"} auth {}`)
	if _, faults := Merge(writes, []Layer{{Policy: defaults, Wide: true}, {}}); len(faults) != 0 {
		t.Errorf("the method repeats the faults of its service: %v", faults)
	}
	if _, faults := Of(writes, defaults, nil); len(faults) != 1 || faults[0].Field != "timeout.default" {
		t.Errorf("the policy is empty, and the faults are %v", faults)
	}
}

// TestMerge checks what three layers say together, and which of them a fault is of.
func TestMerge(t *testing.T) {
	layers := []Layer{
		{Policy: parse(t, `timeout {default: "2s" idle: "1m"} auth {public: true}`), Wide: true},
		{Policy: parse(t, `timeout {max: "3s"} rate {per_second: 1}`)},
		{Policy: parse(t, `auth {all_of: "a"} hedging {delay: "1s"}`), Wide: true},
	}
	merged, faults := Merge(writes, layers)
	want := parse(t, `timeout {default: "2s" max: "3s"} rate {per_second: 1} auth {all_of: "a"}`)
	if diff := cmp.Diff(want, merged, protocmp.Transform()); diff != "" || len(faults) > 0 {
		t.Error(faults, diff)
	}
	layers = append(layers, Layer{Policy: parse(t, `timeout {max: "1s"}`)})
	if _, faults := Merge(writes, layers); len(faults) != 1 || faults[0].Field != "timeout.default" || faults[0].Layer != 0 {
		t.Errorf("faults %+v, want one of the first layer's timeout.default", faults)
	}
	layers = append(layers, Layer{Policy: parse(t, `retry {}`)})
	if _, faults := Merge(writes, layers); len(faults) != 1 || faults[0].Field != "retry" || faults[0].Layer != 4 {
		t.Errorf("faults %+v, want one of the last layer's retry", faults)
	}
}

// TestMergeOfNothing checks that layers that set nothing merge into nothing, for any method. The
// plugin relies on it.
func TestMergeOfNothing(t *testing.T) {
	layers := []Layer{{Policy: &grpcservicev1.Policy{}, Wide: true}, {Policy: &grpcservicev1.Policy{}}}
	for n := range 1 << 3 {
		for _, level := range []Idempotency{IdempotencyUnknown, NoSideEffects, Idempotent} {
			m := Method{ClientStreams: n&1 > 0, ServerStreams: n&2 > 0, HasRules: n&4 > 0, Idempotency: level}
			if merged, faults := Merge(m, layers); proto.Size(merged) > 0 || len(faults) > 0 {
				t.Errorf("%+v: the policy is %v, and the faults are %v", m, merged, faults)
			}
		}
	}
}

// TestSizesFitEveryPlatform checks that what becomes a literal of type int in generated code is one
// that 32-bit platforms hold.
func TestSizesFitEveryPlatform(t *testing.T) {
	p := Method{}.Policy(parse(t, `rate {per_second: 1e12} rate {per_second: 0.001} rate {per_second: 2147483647.5}`))
	var got []int
	for _, rate := range p.Rates {
		got = append(got, rate.Burst)
	}
	if want := []int{math.MaxInt32, 1, math.MaxInt32}; !slices.Equal(got, want) {
		t.Errorf("the bursts are %v, want %v", got, want)
	}
}
