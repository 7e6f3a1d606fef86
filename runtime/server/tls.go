package server

import (
	"crypto/tls"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/grpcservice/grpcservice/runtime/internal/tlsfiles"
)

// WithTLS serves TLS with config. Without it, [WithTLSFiles] or [WithCredentials], the server uses
// plain text.
func WithTLS(config *tls.Config) Option {
	return func(c *settings) {
		if config == nil {
			c.fail("WithTLS(nil): pass a configuration, or leave the option out to speak plain text")
			return
		}
		c.creds, c.tls.own, c.tls.config = credentials.NewTLS(config), true, config
	}
}

// WithCredentials serves connections with creds, such as those of a service mesh. Unlike
// grpc.Creds in [WithGRPCOptions], it keeps the bound of [WithMaxCalls] on what the transport
// holds.
func WithCredentials(creds credentials.TransportCredentials) Option {
	return func(c *settings) {
		if isNil(creds) {
			c.fail("WithCredentials(nil): pass credentials, or leave the option out to serve plain text")
			return
		}
		c.creds, c.tls.own, c.tls.config = creds, true, nil
	}
}

// WithWrappedCredentials serves connections with what wrap returns for the credentials of the other
// options, which are insecure without one: for packages whose credentials fall back on others.
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
func (c *settings) wrapCredentials() {
	for _, wrap := range c.wrapCreds {
		if len(c.errs) > 0 {
			return
		}
		within := c.creds
		if within == nil {
			within = insecure.NewCredentials()
		}
		wrapped, err := wrap(within)
		if err != nil {
			c.errs = append(c.errs, err)
		}
		c.creds = wrapped
	}
}

// WithTLSFiles serves TLS 1.3 with the certificate chain and the key in two PEM files. Files that
// change apply to new connections within a second; connections that exist continue. The server
// detects every kind of change: files that are written in place or renamed, and the symbolic links
// of a Kubernetes Secret.
//
// [New] reads the files. If one of them cannot be used, [Server.Run] returns an error that names
// it. Later, files that cannot be used leave the previous certificate in use: missing or incomplete
// files, a key of another certificate, a certificate that has expired or is not valid yet. The
// server logs the reason once, and its health reports it as [HealthTLS].
//
// A certificate that was not renewed is logged as a warning when a fifth of its lifetime is left,
// at most 30 days, and as an error when it has expired; see [HealthTLS].
//
// With [GRPCOptions], files are read as well, but nothing is checked between handshakes.
func WithTLSFiles(certFile, keyFile string) Option {
	return func(c *settings) {
		if certFile == "" || keyFile == "" {
			c.fail("WithTLSFiles(%q, %q): pass the paths of the certificate and of its key",
				certFile, keyFile)
		}
		c.tls.options.CertFile, c.tls.options.KeyFile = certFile, keyFile
	}
}

// WithClientCAs requires clients to have a certificate that a CA in a PEM file has signed (mutual
// TLS). It requires [WithTLSFiles], and follows changes of its file in the same way: a CA that was
// removed is not accepted for new connections, and connections are not resumed. Connections that
// exist last for [WithMaxConnectionAge] at most.
//
// [PeerCertificate] authenticates callers by their certificates. Without an authenticator, every
// certificate of the CAs is as good as any other.
func WithClientCAs(file string) Option {
	return func(c *settings) {
		if file == "" {
			c.fail(`WithClientCAs(""): pass the path of the CA file`)
		}
		c.tls.options.CAFile = file
	}
}

// WithOptionalClientCertificates accepts clients without a certificate too. A certificate that is
// presented must be valid for [WithClientCAs].
func WithOptionalClientCertificates() Option {
	return func(c *settings) { c.tls.options.Optional = true }
}

// WithMinTLSVersion sets the lowest version of TLS for [WithTLSFiles], instead of tls.VersionTLS13:
// tls.VersionTLS12 admits older clients.
func WithMinTLSVersion(version uint16) Option {
	return func(c *settings) {
		if version != tls.VersionTLS12 && version != tls.VersionTLS13 {
			c.fail("WithMinTLSVersion(%s): pass tls.VersionTLS12 or tls.VersionTLS13",
				tls.VersionName(version))
		}
		c.tls.options.MinVersion = version
	}
}

// openTLS reads the files of the options.
func (c *settings) openTLS() {
	options := &c.tls.options
	if options.CertFile == "" {
		c.requireTLSFiles()
		return
	}
	switch {
	case c.tls.own:
		c.fail("WithTLSFiles, WithTLS and WithCredentials are mutually exclusive; choose one")
	case options.Optional && options.CAFile == "":
		c.fail("WithOptionalClientCertificates: pass WithClientCAs too")
	}
	if len(c.errs) > 0 {
		return
	}
	options.Logger = c.logger
	files, err := tlsfiles.Server(*options)
	if err != nil {
		c.errs = append(c.errs, err)
		return
	}
	c.tls.files, c.creds = files, files
}

// requireTLSFiles fails for options that have no effect without [WithTLSFiles].
func (c *settings) requireTLSFiles() {
	const missing = "%s: pass WithTLSFiles too; for WithTLS, set it in the configuration"
	options := c.tls.options
	if options.CAFile != "" {
		c.fail(missing, "WithClientCAs")
	}
	if options.Optional {
		c.fail(missing, "WithOptionalClientCertificates")
	}
	if options.MinVersion != 0 {
		c.fail(missing, "WithMinTLSVersion")
	}
}
