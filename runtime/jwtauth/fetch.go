package jwtauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxDocument is the number of bytes of the largest discovery document or JWKS.
const maxDocument = 512 << 10

// fetcher fetches the keys of an issuer.
type fetcher struct {
	client    *http.Client
	issuer    string
	jwksURL   string // "" for discovery
	plainHTTP bool
}

// newClient returns a client for the issuer: that of the user, or a default one. It follows no
// redirect to another host.
func newClient(user *http.Client) *http.Client {
	client := &http.Client{}
	if user != nil {
		*client = *user
	}
	if client.Transport == nil {
		client.Transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // the next request is minutes away
		}
	}
	client.CheckRedirect, client.Jar = sameHost, nil
	return client
}

// sameHost rejects redirects to another host, another scheme, and more than three.
func sameHost(req *http.Request, via []*http.Request) error {
	const most = 3
	first := via[0].URL
	if req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return fmt.Errorf("a redirect to %s://%s is not followed", req.URL.Scheme, req.URL.Host)
	}
	if len(via) > most {
		return fmt.Errorf("more than %d redirects", most)
	}
	return nil
}

// fetch returns the keys of the issuer.
func (f *fetcher) fetch(ctx context.Context) (fetched, error) {
	address := f.jwksURL
	if address == "" {
		var err error
		if address, err = f.discover(ctx); err != nil {
			return fetched{}, err
		}
	}
	body, header, err := f.get(ctx, address)
	if err != nil {
		return fetched{}, err
	}
	set, skipped, err := parseJWKS(body)
	if err != nil {
		return fetched{}, fmt.Errorf("the JWKS of %s: %w", address, err)
	}
	return fetched{set, skipped, maxAge(header)}, nil
}

// discover returns the URL of the JWKS in the discovery document (OpenID Connect Discovery 1.0).
func (f *fetcher) discover(ctx context.Context) (string, error) {
	address := strings.TrimSuffix(f.issuer, "/") + "/.well-known/openid-configuration"
	body, _, err := f.get(ctx, address)
	if err != nil {
		return "", err
	}
	document, err := parseObject(body)
	if err != nil {
		return "", fmt.Errorf("the discovery document %s: %w", address, err)
	}
	if issuer, err := document.text("issuer"); err != nil || issuer != f.issuer {
		return "", fmt.Errorf("the discovery document %s is of the issuer %s instead of %s",
			address, quoted(issuer), quoted(f.issuer))
	}
	keys, err := document.text("jwks_uri")
	if err == nil {
		err = checkURL(keys, f.plainHTTP)
	}
	if err != nil {
		return "", fmt.Errorf("jwks_uri of the discovery document %s: %w", address, err)
	}
	return keys, nil
}

// get returns the body of a document.
func (f *fetcher) get(ctx context.Context, address string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Close = true
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("GET %s: HTTP status %d", address, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("GET %s: %w", address, err)
	case len(body) > maxDocument:
		return nil, nil, fmt.Errorf("GET %s: larger than %d bytes", address, maxDocument)
	}
	return body, resp.Header, nil
}

// checkURL returns an error for a URL from which keys must not be fetched.
func checkURL(address string, plainHTTP bool) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not a URL", quoted(address))
	case u.Scheme != "https" && !(plainHTTP && u.Scheme == "http"):
		return fmt.Errorf("%s is not an https URL; for tests, see WithPlainHTTP", quoted(address))
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%s must have a host, and neither a user nor a fragment", quoted(address))
	}
	return nil
}

// maxAge returns for how long a response is fresh (RFC 9111), or a negative time if it does not
// say.
func maxAge(header http.Header) time.Duration {
	age := time.Duration(-1)
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			if seconds, err := seconds(strings.Trim(value, `"`)); err == nil {
				age = seconds
			}
		}
	}
	if spent, err := seconds(header.Get("Age")); err == nil && age > 0 {
		age = max(age-spent, 0)
	}
	return age
}

// seconds parses a number of seconds of at most 32 bits.
func seconds(text string) (time.Duration, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		n, err = 1<<32-1, nil
	}
	return time.Duration(min(n, 1<<32-1)) * time.Second, err
}
