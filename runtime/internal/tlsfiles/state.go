package tlsfiles

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"time"
)

// A certificate is about to expire when a fifth of its lifetime is left, and at most
// [longestWarning]. Most issuers renew it earlier: cert-manager when a third is left, SPIRE when
// half.
const longestWarning = 30 * 24 * time.Hour

// warningInterval is the time between two records about one certificate.
const warningInterval = 24 * time.Hour

// State is the state of the files and of the certificate in use.
type State struct {
	// Err is why files on disk are not in use; nil if they are.
	Err error
	// Expired reports whether the certificate in use has expired.
	Expired bool
}

// Check checks the files, and logs a certificate that has expired or is about to.
func (f *Files) Check() State {
	var s State
	if f.cas != nil {
		s.Err = f.cas.Check()
	}
	if f.pair == nil {
		return s
	}
	s.Err = errors.Join(f.pair.Check(), s.Err)
	leaf, now := f.pair.Get().Leaf, f.now()
	s.Expired = now.After(leaf.NotAfter)
	f.warn(leaf, now, s.Expired)
	return s
}

// Latest returns when the certificate in use expires, and why files on disk are not in use, as the
// last check found it. It does not read files.
func (f *Files) Latest() (expires time.Time, err error) {
	if f.cas != nil {
		_, err = f.cas.Latest()
	}
	if f.pair == nil {
		return expires, err
	}
	pair, pairErr := f.pair.Latest()
	return pair.Leaf.NotAfter, errors.Join(pairErr, err)
}

// warn logs a certificate that has expired or is about to.
func (f *Files) warn(leaf *x509.Certificate, now time.Time, expired bool) {
	if now.Before(warnFrom(leaf)) || !f.due(leaf, now, expired) {
		return
	}
	level, message := slog.LevelWarn, "TLS certificate expires soon"
	if expired {
		level, message = slog.LevelError, "TLS certificate has expired"
	}
	f.log(level, message, slog.String("file", f.options.CertFile), slog.Time("expires", leaf.NotAfter))
}

// due reports whether a record is due, and notes it as written.
func (f *Files) due(leaf *x509.Certificate, now time.Time, expired bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.warned
	if leaf.Equal(last.leaf) && last.expired == expired && now.Sub(last.at) < warningInterval {
		return false
	}
	f.warned = warned{leaf, expired, now}
	return true
}

// warnFrom returns when a certificate is about to expire.
func warnFrom(leaf *x509.Certificate) time.Time {
	return leaf.NotAfter.Add(-min(leaf.NotAfter.Sub(leaf.NotBefore)/5, longestWarning))
}
