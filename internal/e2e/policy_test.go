package e2e

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// policyCase is a call of a policyService, and what becomes of it.
type policyCase struct {
	service string
	as      string // the caller
	req     *kindsv1.Request
	before  int  // calls that are accepted before
	beside  bool // another call runs
	timed   bool // a client that knows the policy may give up before the server does

	code   codes.Code
	reason rpcerr.Reason // if timed, of streams alone
	level  string        // of the record, which is the last of before + 1; "" is no record
}

var (
	small  = &kindsv1.Request{Text: "a", Count: 1}
	large  = &kindsv1.Request{Payload: make([]byte, 200), Count: 1}
	silent = &kindsv1.Request{Fault: kindsv1.Fault_FAULT_WAIT}
)

var policyCases = map[string]policyCase{
	"nobody may":             {service: "SilentService", as: "ada read", req: small, code: codes.PermissionDenied, reason: rpcerr.ReasonNoPolicy, level: "INFO"},
	"everybody may":          {service: "PublicService", req: small, level: "INFO"},
	"public, and known":      {service: "PublicService", as: "ada", req: small, level: "INFO"},
	"known":                  {service: "KnownService", as: "ada", req: small, level: "INFO"},
	"not known":              {service: "KnownService", req: small, code: codes.Unauthenticated, reason: rpcerr.ReasonUnauthenticated, level: "INFO"},
	"scopes":                 {service: "ScopesService", as: "ada read there", req: small, level: "INFO"},
	"not all scopes":         {service: "ScopesService", as: "ada here there", req: small, code: codes.PermissionDenied, reason: rpcerr.ReasonMissingScope, level: "INFO"},
	"none of any scopes":     {service: "ScopesService", as: "ada read", req: small, code: codes.PermissionDenied, reason: rpcerr.ReasonMissingScope, level: "INFO"},
	"within the rate":        {service: "RateService", req: small, before: 1, level: "INFO"},
	"above the rate":         {service: "RateService", as: "ada", req: small, before: 2, code: codes.ResourceExhausted, reason: rpcerr.ReasonRateLimited, level: "WARN"},
	"within one's rate":      {service: "PrincipalRateService", as: "ada", req: small, before: 1, level: "INFO"},
	"above one's rate":       {service: "PrincipalRateService", as: "ada", req: small, before: 2, code: codes.ResourceExhausted, reason: rpcerr.ReasonRateLimited, level: "WARN"},
	"within the peer's rate": {service: "PeerRateService", req: small, before: 1, level: "INFO"},
	"above the peer's rate":  {service: "PeerRateService", req: small, before: 2, code: codes.ResourceExhausted, reason: rpcerr.ReasonRateLimited, level: "WARN"},
	"one after the other":    {service: "NarrowService", req: small, before: 2, level: "INFO"},
	"one beside the other":   {service: "NarrowService", req: small, beside: true, code: codes.Unavailable, reason: rpcerr.ReasonOverloaded, level: "WARN"},
	"in time":                {service: "PatientService", req: large, level: "INFO"},
	"idle":                   {service: "HastyService", req: silent, timed: true, code: codes.DeadlineExceeded, reason: rpcerr.ReasonStreamIdle, level: "WARN"},
	"too long":               {service: "BriefService", req: silent, timed: true, code: codes.DeadlineExceeded, reason: rpcerr.ReasonStreamTimeout, level: "WARN"},
	"small":                  {service: "SmallService", req: small, level: "INFO"},
	"large":                  {service: "SmallService", req: large, code: codes.ResourceExhausted, reason: rpcerr.ReasonRequestTooLarge, level: "WARN"},
	"all at once":            {service: "FullService", as: "ada read here", req: small, level: "INFO"},
	"success without record": {service: "DiscreetService", req: small},
	"failure with record":    {service: "DiscreetService", req: failing, code: codes.NotFound, level: "INFO"},
	"success as a warning":   {service: "LoudService", req: small, level: "WARN"},
}

// failing is a request for which the method returns NOT_FOUND.
var failing = &kindsv1.Request{Fault: kindsv1.Fault_FAULT_STATUS, Code: int32(codes.NotFound)}

// TestPolicies makes each call on every kind of RPC, and looks at what the caller and the log get.
func TestPolicies(t *testing.T) {
	for name, test := range policyCases {
		t.Run(name, func(t *testing.T) {
			for _, end := range policyEnds {
				t.Run(end.name, func(t *testing.T) {
					servicetest.NoLeaks(t)
					for _, kind := range kinds {
						t.Run(kind, func(t *testing.T) { test.run(t, end, kind) })
					}
				})
			}
		})
	}
}

func (p policyCase) run(t *testing.T, end policyEnd, kind string) {
	entered := make(chan struct{}, p.before+2)
	srv := servePolicy(t, end.register(policyServices[p.service]), kindsService{entered: entered})
	connect := end.connect
	if p.timed && !end.ours && !end.near {
		connect = plainClient
	}
	client := connect(t, srv, policyServices[p.service])
	ctx := as(undated(t), p.as)
	for range p.before {
		if _, err := call(ctx, client, kind, p.req); err != nil {
			t.Fatal(err)
		}
	}
	if p.beside {
		defer holdCall(t, client, kind, entered)()
	}
	_, err := call(ctx, client, kind, p.req)
	p.checkError(t, err, kind, end.ours)
	if !p.beside {
		srv.stop()
	}
	if !p.timed || !end.ours {
		p.checkLog(t, srv.log, kind)
	}
}

// holdCall makes a call that does not end before release.
func holdCall(t *testing.T, client kindsv1service.KindsService, kind string, entered <-chan struct{}) (release func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(testContext(t))
	ended := make(chan error, 1)
	go func() {
		_, err := call(ctx, client, kind, silent)
		ended <- err
	}()
	within(t, entered)
	return func() {
		cancel()
		within(t, ended)
	}
}

// checkError looks at what the caller got.
func (p policyCase) checkError(t *testing.T, err error, kind string, ours bool) {
	t.Helper()
	if status.Code(err) != p.code {
		t.Fatalf("got %v, want %v", err, p.code)
	}
	want := p.reason
	if p.timed && kind == "Unary" {
		want = "" // a deadline is a deadline, whoever set it
	}
	if got := rpcerr.ReasonOf(err); got != want && (!p.timed || !ours) {
		t.Errorf("reason %q, want %q", got, want)
	}
	wait, waits := rpcerr.RetryAfter(err)
	if later := p.reason == rpcerr.ReasonRateLimited || p.reason == rpcerr.ReasonOverloaded; waits != later || waits && wait <= 0 {
		t.Errorf("RetryInfo: %v, %v", wait, waits)
	}
	if _, quota := rpcerr.Detail[*errdetails.QuotaFailure](err); quota != (p.reason == rpcerr.ReasonRateLimited) {
		t.Errorf("QuotaFailure: %v", quota)
	}
}

// checkLog looks at the last record of the method's calls.
func (p policyCase) checkLog(t *testing.T, log *logBook, kind string) {
	t.Helper()
	records := log.calls(t, kind)
	if p.level == "" {
		if len(records) > 0 {
			t.Errorf("the log has %v", records)
		}
		return
	}
	if len(records) != p.before+1 {
		t.Fatalf("the log has %v, want %d records", records, p.before+1)
	}
	last := records[p.before]
	if last.Level != p.level || last.Code != p.code.String() || last.Method != fmt.Sprintf("policy.v1.%s/%s", p.service, kind) {
		t.Errorf("the log has %+v", last)
	}
	if p.code == codes.OK && p.as != "" && last.Principal != "ada" {
		t.Errorf("the log has the principal %q", last.Principal)
	}
}
