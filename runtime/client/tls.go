package client

import (
	"crypto/tls"
	"errors"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/grpcservice/grpcservice/runtime/internal/tlsfiles"
)

// tlsSettings are the options of TLS and of plain text.
type tlsSettings struct {
	insecure bool
	own      *tls.Config // of WithTLS
	files    tlsfiles.Options
}

// WithInsecure disables TLS: for tests, for a server on the same machine, or for a proxy that
// terminates TLS.
func WithInsecure() Option {
	return func(c *settings) { c.tls.insecure = true }
}

// WithTLS sets the TLS configuration, for what [WithTLSFiles] and [WithServerCAs] do not offer. Its
// counterpart on the server is server.WithTLS.
func WithTLS(config *tls.Config) Option {
	return func(c *settings) {
		if config == nil {
			c.fail("WithTLS(nil): pass a configuration, or omit the option to use the system's roots")
		}
		c.tls.own = config
	}
}

// WithTLSFiles presents the certificate chain in a PEM file, with its key, to servers that ask for
// one (mutual TLS). Files that change apply to new connections within a second; connections that
// exist continue.
//
// [Dial] returns an error that names a file that cannot be used. Later, files that cannot be used
// leave the previous certificate in use, and slog's default logger has the reason. If that
// certificate expires, calls that need a new connection fail with UNAVAILABLE and an error that
// names the file.
func WithTLSFiles(certFile, keyFile string) Option {
	return func(c *settings) {
		if certFile == "" || keyFile == "" {
			c.fail("WithTLSFiles(%q, %q): pass the paths of the certificate and of its key",
				certFile, keyFile)
		}
		c.tls.files.CertFile, c.tls.files.KeyFile = certFile, keyFile
	}
}

// WithServerCAs trusts servers whose certificate is signed by a CA in a PEM file, instead of the
// system's roots. Changes of the file apply as for [WithTLSFiles].
func WithServerCAs(file string) Option {
	return func(c *settings) {
		if file == "" {
			c.fail(`WithServerCAs(""): pass the path of the CA file, or omit the option ` +
				"to use the system's roots")
		}
		c.tls.files.CAFile = file
	}
}

// WithServerName sets the name that the certificate of the server must have, instead of the host of
// the target: for targets that are addresses or Unix sockets. It is also the :authority of calls.
func WithServerName(name string) Option {
	return func(c *settings) {
		if name == "" {
			c.fail(`WithServerName(""): pass a name, or omit the option to use the target's host`)
		}
		c.tls.files.ServerName = name
	}
}

// WithMinTLSVersion sets the lowest version of TLS, instead of tls.VersionTLS13: tls.VersionTLS12
// admits older servers.
func WithMinTLSVersion(version uint16) Option {
	return func(c *settings) {
		if version != tls.VersionTLS12 && version != tls.VersionTLS13 {
			c.fail("WithMinTLSVersion(%s): pass tls.VersionTLS12 or tls.VersionTLS13",
				tls.VersionName(version))
		}
		c.tls.files.MinVersion = version
	}
}

// credentialsWrapper is the argument of [WithWrappedCredentials].
type credentialsWrapper = func(
	credentials.TransportCredentials,
) (credentials.TransportCredentials, error)

// WithWrappedCredentials connects with what wrap returns for the credentials of the other options:
// for packages whose credentials fall back on others.
func WithWrappedCredentials(wrap func(credentials.TransportCredentials) (
	credentials.TransportCredentials, error)) Option {
	return func(c *settings) {
		if wrap == nil {
			c.fail("WithWrappedCredentials(nil): pass a function, or omit the option")
			return
		}
		c.wrapCreds = append(c.wrapCreds, wrap)
	}
}

// wrapCredentials applies the options [WithWrappedCredentials].
func (c *settings) wrapCredentials(creds credentials.TransportCredentials) (
	_ credentials.TransportCredentials, err error,
) {
	for _, wrap := range c.wrapCreds {
		if creds, err = wrap(creds); err != nil {
			return nil, err
		}
	}
	return creds, nil
}

// open returns the transport credentials that the options describe.
func (t tlsSettings) open() (credentials.TransportCredentials, error) {
	switch files := t.files != (tlsfiles.Options{}); {
	case t.insecure && t.own != nil:
		return nil, errors.New("WithInsecure and WithTLS: choose one")
	case t.insecure && files:
		return nil, errors.New("WithInsecure disables TLS; drop it, or the options of TLS")
	case t.own != nil && files:
		return nil, errors.New("WithTLS replaces the other options of TLS; set them in its configuration")
	case t.insecure:
		return insecure.NewCredentials(), nil
	case t.own != nil:
		return credentials.NewTLS(t.own), nil
	}
	creds, err := tlsfiles.Client(t.files)
	if err != nil {
		return nil, err
	}
	return creds, nil
}

// name returns the name of the servers that the options state, or "".
func (t tlsSettings) name() string {
	if t.own != nil {
		return t.own.ServerName
	}
	return t.files.ServerName
}
