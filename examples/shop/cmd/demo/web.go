package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
	"github.com/grpcservice/grpcservice/runtime/jwtauth/jwttest"
)

// playWeb calls the second port of a replica as curl does, and gets the page for browsers from it.
func playWeb(ctx context.Context, p *platform, replica *process.Server) error {
	title("Call it with JSON over HTTP, and get the page for browsers")
	pem, err := os.ReadFile(p.provider.CAFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("the CA of the demo has no certificate")
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
	}
	defer transport.CloseIdleConnections()
	claims := jwttest.Claims{
		"sub": auth.Guest, "aud": auth.Audience, "scope": auth.Scopes()[auth.Guest],
	}
	token, err := p.issuer.Sign(claims)
	if err != nil {
		return err
	}
	w := website{&http.Client{Transport: transport}, "https://" + replica.Web, token}
	list := "/" + shopv1service.UserServiceName + "/ListUsers"
	if _, err := w.send(ctx, http.MethodPost, list, `{"pageSize": 1}`, http.StatusOK); err != nil {
		return err
	}
	if _, err := w.send(ctx, http.MethodPost, list, `{"pageToken": "x"}`, http.StatusBadRequest); err != nil {
		return err
	}
	page, err := w.send(ctx, http.MethodGet, "/", "", http.StatusOK)
	if err != nil {
		return err
	}
	if !strings.Contains(page, `src="shop.js"`) {
		return errors.New("the page for browsers has no script")
	}
	return nil
}

// website is the web port of a replica, and a caller of it.
type website struct {
	client *http.Client
	url    string
	token  string
}

// send sends a request, shows it as a command of curl, and returns the body of the response, whose
// status must be want.
func (w website) send(ctx context.Context, method, path, body string, want int) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	command := "curl --cacert ca.crt " + w.url + path
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+w.token)
		command += ` -H "authorization: Bearer $TOKEN" --json '` + body + `'`
	}
	fmt.Println("$", command)
	resp, err := w.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	shown, _, cut := strings.Cut(string(text), "\n")
	if cut {
		shown += " …"
	}
	fmt.Println(shown)
	if resp.StatusCode != want {
		return "", fmt.Errorf("%s %s: the status is %s, want %d", method, path, resp.Status, want)
	}
	return string(text), nil
}
