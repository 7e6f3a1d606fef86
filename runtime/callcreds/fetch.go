package callcreds

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// tokenEndpoint gets access tokens.
type tokenEndpoint struct {
	*settings
	url, host string
	clientID  string
	client    http.Client
}

// fetch requests an access token. Its error is a *failure.
func (e *tokenEndpoint) fetch(ctx context.Context) (*token, error) {
	req, err := e.request(ctx)
	if err != nil {
		return nil, unavailable("the request cannot be made")
	}
	sent := time.Now()
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, unavailable("%v", withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxResponse+1))
	switch {
	case err != nil:
		return nil, unavailable("the response cannot be read: %v", withoutURL(err))
	case len(body) > MaxResponse:
		return nil, unavailable("the response has more than %d bytes", MaxResponse)
	case resp.StatusCode != http.StatusOK:
		return nil, refusal(resp, body)
	}
	return e.tokenIn(body, sent)
}

// request returns the request for an access token.
func (e *tokenEndpoint) request(ctx context.Context) (*http.Request, error) {
	form, secret := e.parameters, e.secret()
	if e.inBody {
		form = maps.Clone(form)
		form.Set("client_id", e.clientID)
		form.Set("client_secret", secret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if !e.inBody {
		req.SetBasicAuth(url.QueryEscape(e.clientID), url.QueryEscape(secret)) // RFC 6749, 2.3.1
	}
	return req, nil
}

// withoutURL returns an error of net/http without the URL, whose query may have a secret.
func withoutURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}

// refusal returns the failure of a response other than 200.
func refusal(resp *http.Response, body []byte) *failure {
	f := unavailable("HTTP %d", resp.StatusCode)
	switch code := resp.StatusCode; {
	case code >= 300 && code < 400:
		f.text += "; redirects are not followed"
	case code == http.StatusBadRequest, code == http.StatusUnauthorized, code == http.StatusForbidden:
		f.code = codes.Unauthenticated
	}
	if reason := errorIn(body); reason != "" {
		f.text += ", " + reason
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		f.retry = time.Duration(min(seconds, 3600)) * time.Second
	}
	return f
}

// errorIn returns the error code in the body of a response (RFC 6749, 5.2), or "". The description
// beside it is free text, in which some endpoints repeat the request.
func errorIn(body []byte) string {
	var response struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &response) != nil || len(response.Error) > 64 {
		return ""
	}
	notOf := func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }
	if strings.ContainsFunc(response.Error, notOf) {
		return ""
	}
	return response.Error
}

// tokenIn returns the token in the body of a response to a request that was sent at a time.
func (e *tokenEndpoint) tokenIn(body []byte, sent time.Time) (*token, error) {
	var response struct {
		AccessToken string       `json:"access_token"`
		TokenType   string       `json:"token_type"`
		ExpiresIn   *json.Number `json:"expires_in"` // some endpoints write a string
	}
	if err := json.Unmarshal(body, &response); err != nil {
		return nil, unavailable("the response is not the JSON of an access token")
	}
	if err := checkSecret(response.AccessToken); err != nil {
		return nil, unavailable("the access token of the response cannot be used: %v", err)
	}
	if !strings.EqualFold(response.TokenType, "bearer") {
		return nil, unavailable("the response has a token of type %.20q; only bearer tokens are supported", response.TokenType)
	}
	lifetime := DefaultLifetime
	if response.ExpiresIn != nil {
		seconds, err := response.ExpiresIn.Float64()
		if err != nil || seconds <= 0 {
			return nil, unavailable("the access token expires in %.20q seconds", response.ExpiresIn.String())
		}
		lifetime = time.Duration(min(seconds, MaxLifetime.Seconds()) * float64(time.Second))
	}
	return newToken(e.headerOf(response.AccessToken), sent, lifetime), nil
}
