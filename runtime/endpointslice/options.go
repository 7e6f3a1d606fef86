package endpointslice

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Option configures [NewResolver].
type Option func(*settings)

// settings is what the options set.
type settings struct {
	apiServer     string
	tokenFile     string
	caFile        string
	namespaceFile string
	client        *http.Client // or nil
	limits        limits
	err           error
}

// Where Kubernetes mounts the service account of a pod.
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/"

func newSettings(opts []Option) *settings {
	s := &settings{
		tokenFile:     serviceAccount + "token",
		caFile:        serviceAccount + "ca.crt",
		namespaceFile: serviceAccount + "namespace",
		limits:        defaultLimits,
	}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// WithAPIServer sets the URL of the API server, such as "https://10.0.0.1:6443". The default is
// that of the cluster, from KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. No token is sent
// to an "http" URL, such as that of kubectl proxy.
func WithAPIServer(rawURL string) Option {
	return func(s *settings) {
		u, err := url.Parse(rawURL)
		if err == nil && (u.Scheme != "https" && u.Scheme != "http" || u.Host == "" ||
			u.User != nil || u.RawQuery != "" || u.Fragment != "") {
			err = errors.New(`it must be like "https://host:port"`)
		}
		if err != nil {
			s.err = errors.Join(s.err, fmt.Errorf("WithAPIServer(%q): %w", rawURL, err))
			return
		}
		s.apiServer = strings.TrimSuffix(rawURL, "/")
	}
}

// WithTokenFile sets the file with the token for the API server. The default is the token of the
// pod's service account. The file is read again when it changes: Kubernetes replaces tokens every
// hour. If path is empty, requests have no token.
func WithTokenFile(path string) Option { return func(s *settings) { s.tokenFile = path } }

// WithCAFile sets the file with the CAs of the API server, in PEM. The default is the one of the
// pod's service account. The file is read again when it changes. If path is empty, the CAs are
// those of the system.
func WithCAFile(path string) Option { return func(s *settings) { s.caFile = path } }

// WithNamespaceFile sets the file with the namespace of targets that have none. The default is the
// one of the pod's service account.
func WithNamespaceFile(path string) Option { return func(s *settings) { s.namespaceFile = path } }

// WithHTTPClient sets the client for requests to the API server, such as one with a client
// certificate or a proxy. It replaces the resolver's TLS settings, including [WithCAFile]. It must
// not have a Timeout, which would end each watch. The default client does not follow redirects,
// uses no proxy, and closes connections that do not respond to pings.
func WithHTTPClient(client *http.Client) Option {
	return func(s *settings) {
		if client == nil {
			s.err = errors.Join(s.err, errors.New("WithHTTPClient(nil): pass a client"))
		} else if client.Timeout != 0 {
			s.err = errors.Join(s.err, errors.New(
				"WithHTTPClient: the client has a Timeout, which would end each watch; set it to 0"))
		}
		s.client = client
	}
}

// server returns the URL of the API server.
func (s *settings) server() (string, error) {
	if s.apiServer != "" {
		return s.apiServer, nil
	}
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return "", errors.New("this is not a pod of Kubernetes: KUBERNETES_SERVICE_HOST or" +
			" KUBERNETES_SERVICE_PORT is not set; set the API server with WithAPIServer")
	}
	return "https://" + net.JoinHostPort(host, port), nil
}

// namespace returns the namespace of the process.
func (s *settings) namespace() (string, error) {
	text, err := os.ReadFile(s.namespaceFile)
	if err != nil {
		return "", fmt.Errorf("the namespace of the process is unknown: %w; write it in the target", err)
	}
	name := strings.TrimSpace(string(text))
	if !isLabel(name) {
		return "", fmt.Errorf(
			"the namespace of the process is unknown: %s has %q; write it in the target",
			s.namespaceFile, shorten(name))
	}
	return name, nil
}
