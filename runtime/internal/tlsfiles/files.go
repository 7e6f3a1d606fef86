package tlsfiles

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/grpcservice/grpcservice/runtime/internal/reload"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// Options are the files and settings of one end of TLS connections.
type Options struct {
	// CertFile and KeyFile are the certificate chain and its key, in PEM. A client may have neither.
	CertFile, KeyFile string
	// CAFile has the CAs that sign the certificates of peers, in PEM. Without it, a server does not
	// ask for certificates, and a client trusts the system's roots.
	CAFile string
	// MinVersion is the lowest version of TLS; 0 is 1.3.
	MinVersion uint16
	// ServerName is the name that a client expects in the server's certificate, instead of the host
	// of its target.
	ServerName string
	// Optional makes a server accept clients without a certificate.
	Optional bool
	// Logger is for records of changed and unusable files; nil is slog's default logger at the time.
	Logger *slog.Logger
}

// Files are TLS credentials that follow files. They implement
// [credentials.TransportCredentials] and may be used concurrently.
type Files struct {
	options Options
	now     func() time.Time
	config  func(*Files, generation) *tls.Config
	pair    *reload.Value[*tls.Certificate] // nil without a certificate
	cas     *reload.Value[*x509.CertPool]   // nil without CAs

	current atomic.Pointer[generation]

	mu     sync.Mutex // guards warned and failed
	warned warned
	failed failed
}

// warned is what was logged last about a certificate.
type warned struct {
	leaf    *x509.Certificate
	expired bool
	at      time.Time
}

// generation is what the files held at a time.
type generation struct {
	pair   *tls.Certificate
	cas    *x509.CertPool
	config *tls.Config                      // for these
	creds  credentials.TransportCredentials // for config
}

// Server returns the credentials of a server. An error names the file that cannot be used.
func Server(options Options) (*Files, error) {
	return open(options, time.Now, x509.ExtKeyUsageServerAuth, (*Files).serverConfig)
}

// Client returns the credentials of a client. An error names the file that cannot be used.
func Client(options Options) (*Files, error) {
	return open(options, time.Now, x509.ExtKeyUsageClientAuth, (*Files).clientConfig)
}

func open(
	options Options, now func() time.Time, usage x509.ExtKeyUsage,
	config func(*Files, generation) *tls.Config,
) (*Files, error) {
	if options.MinVersion == 0 {
		options.MinVersion = tls.VersionTLS13
	}
	f := &Files{options: options, now: now, config: config}
	var errs []error
	var err error
	if options.CertFile != "" || options.KeyFile != "" {
		p := pairParser{options.CertFile, options.KeyFile, usage, now}
		f.pair, err = reload.Open(p.parse, f.logChange("TLS certificate", options.CertFile),
			options.CertFile, options.KeyFile)
		errs = append(errs, err)
	}
	if options.CAFile != "" {
		p := poolParser{options.CAFile, now}
		f.cas, err = reload.Open(p.parse, f.logChange("trusted CAs", options.CAFile), options.CAFile)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return f, nil
}

// serverConfig returns the configuration of a server.
//
// Connections of clients with certificates are not resumed. A session ticket stands for a
// certificate that was verified earlier, which may have expired since, and some versions of
// crypto/tls accept tickets whose certificate is signed by a CA that was removed (CVE-2025-68121).
func (f *Files) serverConfig(g generation) *tls.Config {
	config := &tls.Config{
		MinVersion: f.options.MinVersion, Time: f.now,
		Certificates: []tls.Certificate{*g.pair},
	}
	if g.cas != nil {
		config.ClientCAs, config.SessionTicketsDisabled = g.cas, true
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if f.options.Optional {
			config.ClientAuth = tls.VerifyClientCertIfGiven
		}
	}
	return config
}

// clientConfig returns the configuration of a client. It sends its certificate even if the server
// does not list the certificate's CA, so that the server can state what is wrong with it.
func (f *Files) clientConfig(g generation) *tls.Config {
	config := &tls.Config{
		MinVersion: f.options.MinVersion, Time: f.now,
		ServerName: f.options.ServerName, RootCAs: g.cas,
	}
	if g.pair != nil {
		pair := pairParser{certFile: f.options.CertFile}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if err := checkTime(g.pair.Leaf, f.now()); err != nil {
				return nil, pair.fail(err)
			}
			return g.pair, nil
		}
	}
	return config
}

// latest returns what the files hold now.
func (f *Files) latest() *generation {
	var now generation
	if f.pair != nil {
		now.pair = f.pair.Get()
	}
	if f.cas != nil {
		now.cas = f.cas.Get()
	}
	if g := f.current.Load(); g != nil && g.pair == now.pair && g.cas == now.cas {
		return g
	}
	now.config = f.config(f, now)
	now.creds = credentials.NewTLS(now.config)
	f.current.Store(&now)
	return &now
}

// logChange returns the function that logs changes of files.
func (f *Files) logChange(what, file string) func(error) {
	return func(err error) {
		if err != nil {
			f.log(slog.LevelWarn, what+" not updated", slog.Any("error", err))
			return
		}
		f.log(slog.LevelInfo, what+" updated", slog.String("file", file))
	}
}

// log writes a record; handshakes do not fail if the log does.
func (f *Files) log(level slog.Level, message string, attrs ...slog.Attr) {
	logger := f.options.Logger
	if logger == nil {
		logger = slog.Default()
	}
	report.Log(func() { logger.LogAttrs(context.Background(), level, message, attrs...) })
}
