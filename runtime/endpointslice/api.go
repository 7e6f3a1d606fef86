package endpointslice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// api sends requests for the slices of one service to the API server.
type api struct {
	server      string // its URL
	namespace   string
	service     string
	credentials *credentials
}

// get sends a request. The caller closes the body of the response, whose status is 200.
func (a *api) get(ctx context.Context, query url.Values) (io.ReadCloser, error) {
	query.Set("labelSelector", "kubernetes.io/service-name="+a.service)
	address := a.server + "/apis/discovery.k8s.io/v1/namespaces/" + a.namespace + "/endpointslices?" +
		query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "grpcservice-endpointslice")
	if strings.HasPrefix(a.server, "https:") {
		token, err := a.credentials.bearer()
		if err != nil {
			return nil, err
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
	}
	client, err := a.credentials.httpClient()
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }()
		return nil, a.rejected(resp)
	}
	return resp.Body, nil
}

// failed returns the error of a request without a response. It leaves out the URL, whose query
// says nothing to a reader.
func (a *api) failed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	} else if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("the API server %s cannot be reached: %w", a.server, err)
}

// statusError is the API server's rejection of a request, or of its continuation.
type statusError struct {
	code       int // of HTTP
	text       string
	retryAfter time.Duration
}

func (e *statusError) Error() string { return e.text }

// isExpired reports whether a resource version is too old: the slices must be listed again.
func isExpired(err error) bool {
	var status *statusError
	return errors.As(err, &status) && status.code == http.StatusGone
}

// rejected returns the error of a response whose status is not 200.
func (a *api) rejected(resp *http.Response) error {
	var status apiStatus
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // the status line is enough
	if json.Unmarshal(text, &status) != nil {
		status = apiStatus{Message: string(text)}
	}
	status.Code = resp.StatusCode
	e := a.statusError(status)
	if after := parseRetryAfter(resp.Header.Get("Retry-After")); after > 0 {
		e.retryAfter = after
	}
	return e
}

// statusError returns the error of a status, with what to do about it.
func (a *api) statusError(status apiStatus) *statusError {
	what := fmt.Sprintf("HTTP status %d", status.Code)
	switch status.Code {
	case http.StatusUnauthorized:
		what = "the API server does not accept the token of the service account (401)"
	case http.StatusForbidden:
		what = fmt.Sprintf("an RBAC rule is missing (403): grant the pod's service account get, list and"+
			" watch on endpointslices of the API group discovery.k8s.io in the namespace %q with a Role and"+
			" a RoleBinding", a.namespace)
	case http.StatusNotFound:
		what = "the API server does not have discovery.k8s.io/v1 (404)"
	case http.StatusTooManyRequests:
		what = "the API server is overloaded (429)"
	case http.StatusGone:
		what = "the resource version is too old (410)"
	}
	if message := shorten(status.Message); message != "" {
		what += "; the API server says: " + message
	}
	return &statusError{
		code: status.Code, text: what,
		retryAfter: boundRetryAfter(status.Details.RetryAfterSeconds),
	}
}

// maxRetryAfter is the longest wait that the API server can ask for.
const maxRetryAfter = 5 * time.Minute

func parseRetryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return boundRetryAfter(seconds)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(0, time.Until(at)), maxRetryAfter)
	}
	return 0
}

func boundRetryAfter(seconds int) time.Duration {
	return time.Duration(min(max(0, seconds), int(maxRetryAfter/time.Second))) * time.Second
}

// shorten returns text for an error: one line, of up to 300 bytes.
func shorten(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return strings.ToValidUTF8(text, "?")
}
