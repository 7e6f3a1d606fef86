package tlsfiles

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
)

// bench is a server whose files a test changes.
type bench struct {
	*Files
	dir     string
	ca      *certtest.CA
	log     bytes.Buffer
	time    time.Time
	options Options
}

// newBench returns a server with a certificate that ca has signed, and with client CAs if mutual.
func newBench(t *testing.T, mutual bool) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir(), ca: certtest.NewCA(t, "root"), time: time.Now()}
	b.options.Logger = slog.New(slog.NewJSONHandler(&b.log, nil))
	b.options.CertFile, b.options.KeyFile = b.ca.Issue(t, "first").Write(t, b.dir)
	if mutual {
		b.options.CAFile = certtest.Write(t, b.dir, b.ca)
	}
	var err error
	b.Files, err = open(b.options, func() time.Time { return b.time }, x509.ExtKeyUsageServerAuth,
		(*Files).serverConfig)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// write replaces a file of the server.
func (b *bench) write(t *testing.T, name string, content []byte) {
	t.Helper()
	certtest.WriteFile(t, filepath.Join(b.dir, name), content)
}

// serving returns the name in the certificate that the server uses.
func (b *bench) serving() string { return b.latest().pair.Leaf.Subject.CommonName }

// records returns the messages of the log and their errors, and empties it.
func (b *bench) records(t *testing.T) (records []string) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(b.log.String()), "\n") {
		if line == "" {
			continue
		}
		var record struct{ Msg, Error string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		records = append(records, strings.TrimSuffix(record.Msg+": "+record.Error, ": "))
	}
	b.log.Reset()
	return records
}

// broken are files that cannot be used, by the reason that is logged.
func broken(t *testing.T, ca *certtest.CA) map[string]map[string][]byte {
	t.Helper()
	now := time.Now()
	next, other := ca.Issue(t, "next"), ca.Issue(t, "other")
	expired := ca.Issue(t, "expired", certtest.Valid(now.Add(-time.Hour), now.Add(-time.Minute)))
	early := ca.Issue(t, "early", certtest.Valid(now.Add(time.Hour), now.Add(2*time.Hour)))
	client := ca.Issue(t, "client", certtest.Usage(x509.ExtKeyUsageClientAuth))
	files := func(cert, key []byte) map[string][]byte {
		return map[string][]byte{"tls.crt": cert, "tls.key": key}
	}
	return map[string]map[string][]byte{
		"tls.crt: it expired at ":                           files(expired.Cert, expired.Key),
		"tls.crt: it is not valid before ":                  files(early.Cert, early.Key),
		"does not include serverAuth":                       files(client.Cert, client.Key),
		"private key does not match public key":             files(next.Cert, other.Key),
		"tls.crt: the file is empty":                        files(nil, next.Key),
		"tls.key for certificate ":                          files(next.Cert, nil),
		"tls.crt: 1 PEM blocks begin, but only 0 are":       files(next.Cert[:len(next.Cert)/2], next.Key),
		"failed to find any PEM data in key input":          files(next.Cert, next.Key[:len(next.Key)/2]),
		"tls.crt: it has no PEM block of type CERTIFICATE":  files(next.Key, next.Cert),
		"tls.crt: PEM block 1: x509: malformed certificate": files(damaged(), next.Key),
		"larger than":                    files(make([]byte, 9<<20), next.Key),
		"no PEM block":                   files([]byte("garbage"), next.Key),
		"ca.crt: the file is empty":      {"ca.crt": nil},
		"ca.crt: 2 PEM blocks begin":     {"ca.crt": append(bytes.Clone(ca.Chain), ca.Chain[:200]...)},
		"none of its 1 certificates is ": {"ca.crt": expired.Cert},
	}
}

// damaged returns PEM text of a certificate whose content is cut.
func damaged() []byte {
	return []byte("-----BEGIN CERTIFICATE-----\nMIIBhTCCASugAwIBAgIQ\n-----END CERTIFICATE-----\n")
}

// TestKeepsPreviousFiles replaces the files by some that cannot be used: the server keeps the
// previous ones, logs the reason once, and uses the next that can be used.
func TestKeepsPreviousFiles(t *testing.T) {
	seed := newBench(t, true)
	rows := broken(t, seed.ca)
	for want, files := range rows {
		t.Run(want, func(t *testing.T) {
			b := newBench(t, true)
			for name, content := range files {
				b.write(t, name, content)
			}
			for range 3 {
				if s := b.Check(); s.Err == nil || s.Expired {
					t.Errorf("the state is %+v", s)
				}
			}
			if got := b.serving(); got != "first" {
				t.Errorf("the server uses the certificate of %q", got)
			}
			records := b.records(t)
			if len(records) != 1 || !strings.Contains(records[0], " not updated: ") ||
				!strings.Contains(records[0], want) {
				t.Errorf("the log has %q, want one record with %q", records, want)
			}
			b.ca.Issue(t, "next").Write(t, b.dir)
			certtest.Write(t, b.dir, b.ca)
			if s := b.Check(); s.Err != nil || b.serving() != "next" {
				t.Errorf("the server uses the certificate of %q; its state is %+v", b.serving(), s)
			}
		})
	}
}

// TestInitialFilesMustBeUsable starts with each kind of broken files.
func TestInitialFilesMustBeUsable(t *testing.T) {
	for want, files := range broken(t, certtest.NewCA(t, "root")) {
		b := newBench(t, true)
		for name, content := range files {
			b.write(t, name, content)
		}
		if _, err := Server(b.options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that says %q", err, want)
		}
	}
	b := newBench(t, true)
	if err := os.Remove(b.options.KeyFile); err != nil {
		t.Fatal(err)
	}
	if _, err := Server(b.options); err == nil || !strings.Contains(err.Error(), "tls.key: no such file") {
		t.Errorf("without the key: %v", err)
	}
}

// TestExpiry follows one certificate that is not renewed.
func TestExpiry(t *testing.T) {
	b := newBench(t, false) // valid for an hour and a minute
	start := b.time
	for _, step := range []struct {
		after   time.Duration
		expired bool
		want    string
	}{
		{0, false, ""},
		{45 * time.Minute, false, ""},
		{48 * time.Minute, false, "TLS certificate expires soon"},
		{59 * time.Minute, false, ""},
		{61 * time.Minute, true, "TLS certificate has expired"},
		{62 * time.Minute, true, ""},
		{26 * time.Hour, true, "TLS certificate has expired"}, // again after a day
	} {
		b.time = start.Add(step.after)
		if s := b.Check(); s.Err != nil || s.Expired != step.expired {
			t.Errorf("after %v the state is %+v", step.after, s)
		}
		if got := strings.Join(b.records(t), ", "); got != step.want {
			t.Errorf("after %v the log has %q, want %q", step.after, got, step.want)
		}
	}
	b.ca.Issue(t, "next", certtest.Valid(b.time, b.time.Add(time.Hour))).Write(t, b.dir)
	if s := b.Check(); s.Err != nil || s.Expired || b.serving() != "next" {
		t.Errorf("after the renewal the state is %+v", s)
	}
	if got := strings.Join(b.records(t), ", "); got != "TLS certificate updated" {
		t.Errorf("after the renewal the log has %q", got)
	}
}

// TestNotYetValidIsUsedInTime writes a certificate that is valid from a minute later on, as an
// issuer whose clock is ahead.
func TestNotYetValidIsUsedInTime(t *testing.T) {
	b := newBench(t, false)
	b.ca.Issue(t, "next", certtest.Valid(b.time.Add(time.Minute), b.time.Add(time.Hour))).Write(t, b.dir)
	if s := b.Check(); s.Err == nil || b.serving() != "first" {
		t.Errorf("too early: %q, %+v", b.serving(), s)
	}
	b.time = b.time.Add(2 * time.Minute)
	if s := b.Check(); s.Err != nil || b.serving() != "next" {
		t.Errorf("in time: %q, %+v", b.serving(), s)
	}
}

// filesOf returns what to write to the files of the server.
func filesOf(b *bench, next certtest.Pair) map[string][]byte {
	return map[string][]byte{b.options.CertFile: next.Cert, b.options.KeyFile: next.Key}
}

// TestWaysToReplaceFiles replaces the certificate in each way that tools use.
func TestWaysToReplaceFiles(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, b *bench, next certtest.Pair){
		"rename": func(t *testing.T, b *bench, next certtest.Pair) { next.Write(t, b.dir) },
		"in place": func(t *testing.T, b *bench, next certtest.Pair) {
			for path, text := range filesOf(b, next) {
				if err := os.WriteFile(path, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		},
		"same times": func(t *testing.T, b *bench, next certtest.Pair) {
			next.Write(t, b.dir)
			for _, path := range []string{b.options.CertFile, b.options.KeyFile} {
				if err := os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
					t.Fatal(err)
				}
			}
		},
		"removed and created": func(t *testing.T, b *bench, next certtest.Pair) {
			if err := os.Remove(b.options.CertFile); err != nil {
				t.Fatal(err)
			}
			if s := b.Check(); s.Err == nil || b.serving() != "first" {
				t.Errorf("without the file: %q, %+v", b.serving(), s)
			}
			next.Write(t, b.dir)
		},
		"symbolic link": func(t *testing.T, b *bench, next certtest.Pair) {
			for path, text := range filesOf(b, next) {
				target := filepath.Join(t.TempDir(), filepath.Base(path))
				certtest.WriteFile(t, target, text)
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(target, path); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, false)
			replace(t, b, b.ca.Issue(t, "next"))
			if s := b.Check(); s.Err != nil || b.serving() != "next" {
				t.Errorf("the server uses the certificate of %q; its state is %+v", b.serving(), s)
			}
		})
	}
}

// handshake connects a client with config to the server and returns its state and both errors.
func handshake(
	t *testing.T, creds credentials.TransportCredentials, config *tls.Config,
) (tls.ConnectionState, error) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	result := make(chan error, 1)
	go func() {
		raw, err := lis.Accept()
		if err == nil {
			defer raw.Close()
			var conn net.Conn
			if conn, _, err = creds.ServerHandshake(raw); err == nil {
				_, err = conn.Write([]byte("x")) // after the session tickets
			}
		}
		result <- err
	}()
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", lis.Addr().String(), config)
	if err != nil {
		return tls.ConnectionState{}, <-result
	}
	_, _ = conn.Read(make([]byte, 1)) // also the session tickets
	conn.Close()
	return conn.ConnectionState(), <-result
}

// TestHandshakes has clients of all kinds, with TLS 1.2 and with resumption.
func TestHandshakes(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			b := newBench(t, true)
			b.Files.options.MinVersion = version
			stranger := certtest.NewCA(t, "stranger")
			second := certtest.NewCA(t, "second")
			now := time.Now()
			expired := certtest.Valid(now.Add(-time.Hour), now.Add(-time.Minute))
			early := certtest.Valid(now.Add(time.Hour), now.Add(2*time.Hour))
			serverOnly := certtest.Usage(x509.ExtKeyUsageServerAuth)
			low := b.ca.Intermediate(t, "middle").Intermediate(t, "low")
			client := func(pairs ...certtest.Pair) *tls.Config {
				config := &tls.Config{RootCAs: b.ca.Pool(), ServerName: "localhost", MaxVersion: version,
					ClientSessionCache: tls.NewLRUClientSessionCache(8)}
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if len(pairs) == 0 {
						return new(tls.Certificate), nil
					}
					cert := pairs[0].Certificate(t)
					return &cert, nil
				}
				return config
			}
			for name, row := range map[string]struct {
				config *tls.Config
				want   string // of the server's error
			}{
				"valid":        {client(b.ca.Issue(t, "client")), ""},
				"intermediate": {client(low.Issue(t, "client")), ""},
				"none":         {client(), "client didn't provide a certificate"},
				"another CA":   {client(stranger.Issue(t, "client")), "certificate signed by unknown authority"},
				"CA of the same name": {client(certtest.NewCA(t, "root").Issue(t, "client")),
					"certificate signed by unknown authority"},
				"expired":          {client(b.ca.Issue(t, "client", expired)), "certificate has expired"},
				"not valid yet":    {client(b.ca.Issue(t, "client", early)), "not yet valid"},
				"of a server only": {client(b.ca.Issue(t, "client", serverOnly)), "incompatible key usage"},
				"signed by a leaf": {client(b.ca.Intermediate(t, "leaf", notCA).Issue(t, "client")),
					"unknown authority"},
			} {
				_, err := handshake(t, b, row.config)
				if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
					t.Errorf("%s: the server got %v, want %q", name, err, row.want)
				}
			}
			// A client that connected while its CA was trusted.
			certtest.Write(t, b.dir, b.ca, second)
			b.Check()
			resuming := client(second.Issue(t, "client"))
			for range 2 {
				if state, err := handshake(t, b, resuming); err != nil || state.DidResume {
					t.Errorf("while the CA is trusted: %v, resumed %v", err, state.DidResume)
				}
			}
			certtest.Write(t, b.dir, b.ca)
			b.Check()
			for range 2 {
				_, err := handshake(t, b, resuming)
				if err == nil || !strings.Contains(err.Error(), "unknown authority") {
					t.Errorf("after the CA was removed: %v", err)
				}
			}
		})
	}
}

func notCA(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature }

// TestLogOfHandshakes looks at the records of handshakes that fail, of which there is one at a
// time.
func TestLogOfHandshakes(t *testing.T) {
	b := newBench(t, true)
	stranger := certtest.NewCA(t, "stranger")
	config := &tls.Config{RootCAs: stranger.Pool(), ServerName: "localhost"}
	for range 3 {
		if _, err := handshake(t, b, config); err == nil {
			t.Error("the client trusts another CA, and accepts the server")
		}
	}
	want := []string{"TLS handshake failed: remote error: tls: bad certificate"}
	if got := b.records(t); !slices.Equal(got, want) {
		t.Errorf("the log has %q, want %q", got, want)
	}
	b.time = b.time.Add(failedInterval)
	if _, err := handshake(t, b, &tls.Config{RootCAs: b.ca.Pool(), ServerName: "localhost"}); err == nil {
		t.Error("a client without a certificate is accepted")
	}
	if text := b.log.String(); !strings.Contains(text, "didn't provide a certificate") ||
		!strings.Contains(text, `"peer":"127.0.0.1:`) || !strings.Contains(text, `"not_logged":2`) {
		t.Errorf("the log has %s", text)
	}
	b.log.Reset()
	b.time = b.time.Add(failedInterval)
	ours, theirs := net.Pipe()
	theirs.Close() // as a probe that only opens connections
	if _, _, err := b.ServerHandshake(ours); err == nil || b.log.Len() > 0 {
		t.Errorf("a connection without a client: %v, and the log has %s", err, &b.log)
	}
}

// TestVersions connects clients of TLS 1.2, and one without HTTP/2.
func TestVersions(t *testing.T) {
	b := newBench(t, false)
	old := &tls.Config{RootCAs: b.ca.Pool(), ServerName: "localhost", MaxVersion: tls.VersionTLS12}
	if _, err := handshake(t, b, old); err == nil || !strings.Contains(err.Error(), "unsupported versions") {
		t.Errorf("TLS 1.2 by default: %v", err)
	}
	b.options.MinVersion = tls.VersionTLS12
	lenient, err := Server(b.options)
	if err != nil {
		t.Fatal(err)
	}
	state, err := handshake(t, lenient, old)
	if err != nil || state.Version != tls.VersionTLS12 {
		t.Errorf("TLS 1.2 by option: %v, %s", err, tls.VersionName(state.Version))
	}
	state, err = handshake(t, lenient, &tls.Config{RootCAs: b.ca.Pool(), ServerName: "localhost"})
	if err != nil || state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "h2" {
		t.Errorf("TLS 1.3: %v, %s, %q", err, tls.VersionName(state.Version), state.NegotiatedProtocol)
	}
}
