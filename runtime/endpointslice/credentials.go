package endpointslice

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/reload"
)

// credentials are the token and the CAs for the API server, and the client that uses them. They
// belong to one watcher, which uses them from one goroutine.
type credentials struct {
	settings *settings

	token *reload.Value[string]
	cas   *reload.Value[*x509.CertPool]

	client *http.Client
	using  *x509.CertPool // by client
}

// bearer returns the token as the file has it now.
func (c *credentials) bearer() (string, error) {
	if c.settings.tokenFile == "" {
		return "", nil
	}
	if c.token == nil {
		token, err := reload.Open(parseToken, nil, c.settings.tokenFile)
		if err != nil {
			return "", fmt.Errorf("the token for the API server: %w", err)
		}
		c.token = token
	}
	// Requests are rare, so that each can read the file. A file that cannot be read, as in the
	// middle of a replacement, leaves the token of before.
	_ = c.token.Check()
	return c.token.Get(), nil
}

func parseToken(contents [][]byte) (string, error) {
	token := bytes.TrimSpace(contents[0])
	if len(token) == 0 {
		return "", errors.New("the token file is empty")
	}
	for _, b := range token {
		if b <= ' ' || b > '~' {
			return "", errors.New("the token file has characters that a token cannot have")
		}
	}
	return string(token), nil
}

// httpClient returns the client for requests, with the CAs that the file has now.
func (c *credentials) httpClient() (*http.Client, error) {
	if c.settings.client != nil {
		return c.settings.client, nil
	}
	var roots *x509.CertPool // of the system
	if c.settings.caFile != "" {
		if c.cas == nil {
			cas, err := reload.Open(parseCAs, nil, c.settings.caFile)
			if err != nil {
				return nil, fmt.Errorf("the CAs of the API server: %w", err)
			}
			c.cas = cas
		}
		_ = c.cas.Check()
		roots = c.cas.Get()
	}
	if c.client == nil || c.using != roots {
		c.close()
		c.client, c.using = newClient(roots, c.settings.limits), roots
	}
	return c.client, nil
}

func parseCAs(contents [][]byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(contents[0]) {
		return nil, errors.New("the CA file has no certificate")
	}
	return pool, nil
}

// close closes connections that are not in use.
func (c *credentials) close() {
	if c.client != nil {
		c.client.CloseIdleConnections()
	}
}

// newClient returns a client without a proxy: the API server of the cluster is never behind one.
func newClient(roots *x509.CertPool, limits limits) *http.Client {
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		// Finds a connection whose peer is gone, long before the bound on the silence of a watch.
		HTTP2: &http.HTTP2Config{SendPingTimeout: limits.ping, PingTimeout: limits.pong},
	}
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // would take the token to another server
		},
	}
}
