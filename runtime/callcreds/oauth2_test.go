package callcreds_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/callcreds"
)

const endpoint = "https://id.example.com/oauth2/token?tenant=1"

// transport is an endpoint without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// respond returns a response with a status and a body, and headers as "Name: value".
func respond(code int, body string, headers ...string) (*http.Response, error) {
	resp := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		resp.Header.Add(name, value)
	}
	return resp, nil
}

func issued(n int, expiresIn string) string {
	return fmt.Sprintf(`{"access_token": "token-%d", "token_type": "Bearer", "expires_in": %s}`, n, expiresIn)
}

func oauth2(t *testing.T, f transport, opts ...callcreds.Option) *callcreds.Credentials {
	t.Helper()
	opts = append([]callcreds.Option{
		callcreds.WithSecret(secret), callcreds.WithTransport(f), callcreds.WithLogger(slog.New(slog.DiscardHandler)),
	}, opts...)
	creds, err := callcreds.OAuth2(endpoint, "shop:ß", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

func TestOAuth2Requests(t *testing.T) {
	path := write(t, secret+"\n")
	for name, test := range map[string]struct {
		opts  []callcreds.Option
		basic bool
		form  string
	}{
		"basic":       {nil, true, "grant_type=client_credentials"},
		"secret file": {[]callcreds.Option{callcreds.WithSecretFile(path)}, true, "grant_type=client_credentials"},
		"body": {
			[]callcreds.Option{callcreds.WithSecretInBody()}, false,
			"client_id=shop%3A%C3%9F&client_secret=" + url.QueryEscape(secret) + "&grant_type=client_credentials",
		},
		"parameters": {
			[]callcreds.Option{callcreds.WithScopes("a", "b&c=d"), callcreds.WithAudience("books"), callcreds.WithParameter("resource", "x", "y")}, true,
			"audience=books&grant_type=client_credentials&resource=x&resource=y&scope=a+b%26c%3Dd",
		},
	} {
		creds := oauth2(t, func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			id, pass, basic := r.BasicAuth()
			if basic != test.basic || basic && (id != "shop%3A%C3%9F" || pass != url.QueryEscape(secret)) {
				t.Errorf("%s: basic %v, %q, %q", name, basic, id, pass)
			}
			if r.Method != "POST" || r.URL.String() != endpoint || string(body) != test.form ||
				r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
				t.Errorf("%s: %s %s with %v and %s", name, r.Method, r.URL, r.Header, body)
			}
			return respond(200, issued(1, "3600"))
		}, test.opts...)
		for range 3 {
			if got := headerOf(t, creds)["authorization"]; got != "Bearer token-1" {
				t.Errorf("%s: sends %q", name, got)
			}
		}
		checkHidden(t, name, creds)
	}
}

// Every response that is not a token makes the call fail, and the text has nothing secret.
func TestOAuth2ResponsesThatAreRejected(t *testing.T) {
	basic := base64.StdEncoding.EncodeToString([]byte("shop%3A%C3%9F:" + url.QueryEscape(secret)))
	for name, test := range map[string]struct {
		respond transport
		code    codes.Code
		want    string
	}{
		"no connection": {func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }, codes.Unavailable, "refused"},
		"panic":         {func(*http.Request) (*http.Response, error) { panic(secret) }, codes.Unavailable, "panicked"},
		"wrong secret":  {func(*http.Request) (*http.Response, error) { return respond(401, `{"error": "invalid_client"}`) }, codes.Unauthenticated, "HTTP 401, invalid_client"},
		"wrong scope":   {func(*http.Request) (*http.Response, error) { return respond(400, `{"error": "invalid_scope"}`) }, codes.Unauthenticated, "HTTP 400, invalid_scope"},
		"echo": {func(r *http.Request) (*http.Response, error) {
			return respond(401, `{"error": "`+r.Header.Get("Authorization")+`", "error_description": "`+secret+`"}`)
		}, codes.Unauthenticated, "HTTP 401"},
		"not JSON":  {func(*http.Request) (*http.Response, error) { return respond(403, "<html>") }, codes.Unauthenticated, "HTTP 403"},
		"failure":   {func(*http.Request) (*http.Response, error) { return respond(503, "") }, codes.Unavailable, "HTTP 503"},
		"not found": {func(*http.Request) (*http.Response, error) { return respond(404, "") }, codes.Unavailable, "HTTP 404"},
		"empty":     {func(*http.Request) (*http.Response, error) { return respond(200, "") }, codes.Unavailable, "not the JSON"},
		"truncated": {func(*http.Request) (*http.Response, error) { return respond(200, issued(1, "3600")[:30]) }, codes.Unavailable, "not the JSON"},
		"no token":  {func(*http.Request) (*http.Response, error) { return respond(200, `{"token_type": "bearer"}`) }, codes.Unavailable, "empty"},
		"header": {func(*http.Request) (*http.Response, error) {
			return respond(200, `{"token_type": "bearer", "access_token": "a\r\nx-admin: 1"}`)
		}, codes.Unavailable, "space"},
		"huge token": {func(*http.Request) (*http.Response, error) {
			return respond(200, `{"token_type": "bearer", "access_token": "`+strings.Repeat("a", 70000)+`"}`)
		}, codes.Unavailable, "more than 65536 bytes"},
		"huge": {func(*http.Request) (*http.Response, error) { return respond(200, strings.Repeat(" ", 2<<20)) }, codes.Unavailable, "more than 1048576 bytes"},
		"type": {func(*http.Request) (*http.Response, error) {
			return respond(200, `{"token_type": "mac", "access_token": "a"}`)
		}, codes.Unavailable, `type "mac"`},
		"no type":      {func(*http.Request) (*http.Response, error) { return respond(200, `{"access_token": "a"}`) }, codes.Unavailable, `type ""`},
		"expired":      {func(*http.Request) (*http.Response, error) { return respond(200, issued(1, "0")) }, codes.Unavailable, "expires in"},
		"long expired": {func(*http.Request) (*http.Response, error) { return respond(200, issued(1, "-5")) }, codes.Unavailable, "expires in"},
		"no number":    {func(*http.Request) (*http.Response, error) { return respond(200, issued(1, `"soon"`)) }, codes.Unavailable, "not the JSON"},
		"overflow":     {func(*http.Request) (*http.Response, error) { return respond(200, issued(1, `1e999`)) }, codes.Unavailable, "expires in"},
	} {
		var log bytes.Buffer
		creds := oauth2(t, test.respond, callcreds.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		_, err := creds.GetRequestMetadata(context.Background())
		if status.Code(err) != test.code || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %v %q", name, err, test.code, test.want)
		}
		text := err.Error()
		if name != "panic" { // what panics says what is logged
			text += log.String()
		}
		if strings.Contains(text, secret) || strings.Contains(text, basic) || strings.Contains(text, "tenant") {
			t.Errorf("%s: the text has the secret: %s", name, text)
		}
	}
}

func TestOAuth2Endpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://id.example.com/token":   "",
		"":                               "https",
		"id.example.com/token":           "host",
		"http://id.example.com/token":    "plain text",
		"ftp://id.example.com/token":     "use https",
		"https:///token":                 "a host",
		"https://:443/token":             "a host",
		"https://a:pass@id.example.com/": "has a user",
		"https://id.example.com/#x":      "fragment",
		"https://id.example.com/%zz":     "not a URL",
	} {
		_, err := callcreds.OAuth2(endpoint, "shop", callcreds.WithSecret(secret))
		if (err == nil) != (want == "") {
			t.Errorf("%q: %v, want %q", endpoint, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "pass@") {
			t.Errorf("%q: the error has the password: %v", endpoint, err)
		}
	}
	if _, err := callcreds.OAuth2("http://127.0.0.1/token", "shop", callcreds.WithSecret(secret), callcreds.WithPlaintextEndpoint()); err != nil {
		t.Error(err)
	}
	for want, opts := range map[string][]callcreds.Option{"there is no secret": nil} {
		if _, err := callcreds.OAuth2(endpoint, "shop", opts...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := callcreds.OAuth2(endpoint, "", callcreds.WithSecret(secret)); err == nil {
		t.Error("an empty ID of the client is no error")
	}
}

// tokenAt returns what a call sends, or the code of its error.
func tokenAt(creds *callcreds.Credentials) string {
	header, err := creds.GetRequestMetadata(context.Background())
	if err != nil {
		return status.Code(err).String()
	}
	return strings.TrimPrefix(header["authorization"], "Bearer ")
}

func TestTokensAreRefreshedAheadOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests int
		creds := oauth2(t, func(r *http.Request) (*http.Response, error) {
			requests++
			time.Sleep(5 * time.Second) // slow
			return respond(200, issued(requests, `"100"`))
		})
		start := time.Now()
		waited := func() time.Duration { return time.Since(start).Round(time.Second) }
		if got := tokenAt(creds); got != "token-1" || waited() != 5*time.Second {
			t.Errorf("the first call sends %s after %v", got, waited())
		}
		time.Sleep(69 * time.Second) // 74 s after the request
		if got := tokenAt(creds); got != "token-1" || requests != 1 {
			t.Errorf("before: sends %s after %d requests", got, requests)
		}
		time.Sleep(12 * time.Second) // 86 s
		before := time.Now()
		if got := tokenAt(creds); got != "token-1" || time.Since(before) != 0 {
			t.Errorf("meanwhile: sends %s after %v", got, time.Since(before))
		}
		time.Sleep(6 * time.Second)
		if got := tokenAt(creds); got != "token-2" || requests != 2 {
			t.Errorf("after: sends %s after %d requests", got, requests)
		}
		time.Sleep(time.Hour) // nobody asks for a token that nobody uses
		if requests != 2 {
			t.Errorf("%d requests without a call", requests)
		}
		if got := tokenAt(creds); got != "token-3" {
			t.Errorf("after a pause: sends %s", got)
		}
	})
}

func TestOneRequestForManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int32
		creds := oauth2(t, func(r *http.Request) (*http.Response, error) {
			n := requests.Add(1)
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(time.Second):
				return respond(200, issued(int(n), "60"))
			}
		})
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		var calls sync.WaitGroup
		calls.Go(func() { // the call that starts the request goes away
			if _, err := creds.GetRequestMetadata(ctx); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("the call without time: %v", err)
			}
		})
		synctest.Wait()
		for range 1000 {
			calls.Go(func() {
				if got := tokenAt(creds); got != "token-1" {
					t.Errorf("sends %s", got)
				}
			})
		}
		calls.Wait()
		if got := requests.Load(); got != 1 {
			t.Errorf("%d requests", got)
		}
	})
}

func TestFailedRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests int
		var at []time.Duration
		start := time.Now()
		up, header := true, ""
		creds := oauth2(t, func(r *http.Request) (*http.Response, error) {
			requests++
			at = append(at, time.Since(start))
			if !up {
				return respond(503, "", "Retry-After: "+header)
			}
			return respond(200, issued(requests, "1000"))
		})
		if got := tokenAt(creds); got != "token-1" {
			t.Fatalf("sends %s", got)
		}
		up = false
		for time.Since(start) < 980*time.Second {
			time.Sleep(100 * time.Millisecond)
			if got := tokenAt(creds); got != "token-1" {
				t.Fatalf("after %v: sends %s", time.Since(start), got)
			}
		}
		// From 750 to 850 s on: after 1, 2, 4, … 60 s, each ± 20 %.
		if requests < 5 || requests > 12 {
			t.Errorf("%d requests: %v", requests, at)
		}
		time.Sleep(30 * time.Second)
		if got := tokenAt(creds); got != "Unavailable" {
			t.Errorf("expired: sends %s", got)
		}
		before := requests
		for range 1000 {
			_ = tokenAt(creds)
		}
		if requests > before+1 {
			t.Errorf("1000 calls made %d requests", requests-before)
		}
		header = "200"
		time.Sleep(2 * time.Minute)
		_ = tokenAt(creds)
		before = requests
		up = true
		time.Sleep(190 * time.Second)
		if got := tokenAt(creds); got != "Unavailable" || requests != before {
			t.Errorf("before the endpoint wants to be asked: sends %s", got)
		}
		time.Sleep(20 * time.Second)
		if got := tokenAt(creds); got != fmt.Sprint("token-", before+1) {
			t.Errorf("recovered: sends %s", got)
		}
	})
}

func TestSlowEndpointsAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		creds := oauth2(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		start := time.Now()
		if got := tokenAt(creds); got != "Unavailable" || time.Since(start) != callcreds.RequestTimeout {
			t.Errorf("sends %s after %v", got, time.Since(start))
		}
	})
}

func TestRejectedTokensAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests int
		up := true
		creds := oauth2(t, func(r *http.Request) (*http.Response, error) {
			requests++
			if !up {
				return respond(503, "")
			}
			return respond(200, issued(requests, "3600"))
		})
		creds.Rejected() // before there is one
		if got := tokenAt(creds); got != "token-1" {
			t.Fatalf("sends %s", got)
		}
		for range 100 { // another token would be rejected too
			creds.Rejected()
			if got := tokenAt(creds); got != "token-1" {
				t.Fatalf("sends %s", got)
			}
		}
		time.Sleep(callcreds.RejectionAge)
		creds.Rejected()
		if got := tokenAt(creds); got != "token-2" {
			t.Errorf("after a rejection: sends %s", got)
		}
		time.Sleep(callcreds.RejectionAge)
		up = false
		creds.Rejected()
		if got := tokenAt(creds); got != "token-2" || requests != 3 {
			t.Errorf("without another token: sends %s after %d requests", got, requests)
		}
		if got := tokenAt(creds); got != "token-2" || requests != 3 {
			t.Errorf("until the next request: sends %s after %d requests", got, requests)
		}
		up = true
		time.Sleep(2 * time.Second)
		if got := tokenAt(creds); got != "token-4" {
			t.Errorf("when the endpoint is back: sends %s", got)
		}
	})
}

func TestLifetimes(t *testing.T) {
	for expiresIn, want := range map[string]time.Duration{
		"60":    54 * time.Second,
		"1":     900 * time.Millisecond,
		"0.5":   450 * time.Millisecond,
		"3600":  3590 * time.Second,
		`"60"`:  54 * time.Second,
		"null":  callcreds.DefaultLifetime - 10*time.Second,
		"1e300": callcreds.MaxLifetime - 10*time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			var requests int
			creds := oauth2(t, func(r *http.Request) (*http.Response, error) {
				if requests++; requests > 1 {
					return respond(503, "")
				}
				return respond(200, issued(requests, expiresIn))
			})
			_ = tokenAt(creds)
			time.Sleep(want - time.Millisecond)
			if got := tokenAt(creds); got != "token-1" {
				t.Errorf("%s: just before %v, sends %s", expiresIn, want, got)
			}
			time.Sleep(2 * time.Millisecond)
			if got := tokenAt(creds); got != "Unavailable" {
				t.Errorf("%s: just after %v, sends %s", expiresIn, want, got)
			}
		})
	}
}
