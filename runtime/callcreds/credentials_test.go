package callcreds_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/callcreds"
)

const secret = "s3cr3t-Value_0123456789abcdefghijklmn"

// headerOf returns what a call sends.
func headerOf(t *testing.T, creds *callcreds.Credentials) map[string]string {
	t.Helper()
	header, err := creds.GetRequestMetadata(context.Background(), "https://books/library.v1.BookService")
	if err != nil {
		t.Fatal(err)
	}
	return header
}

func write(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsSent(t *testing.T) {
	path := write(t, "\t"+secret+"\n")
	must := func(creds *callcreds.Credentials, err error) *callcreds.Credentials {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return creds
	}
	for name, test := range map[string]struct {
		creds     *callcreds.Credentials
		want      map[string]string
		plaintext bool
	}{
		"token":        {must(callcreds.Token(secret)), map[string]string{"authorization": "Bearer " + secret}, false},
		"plaintext":    {must(callcreds.Token(secret, callcreds.WithPlaintext())), map[string]string{"authorization": "Bearer " + secret}, true},
		"token file":   {must(callcreds.TokenFile(path)), map[string]string{"authorization": "Bearer " + secret}, false},
		"key":          {must(callcreds.APIKey(secret)), map[string]string{"x-api-key": secret}, false},
		"key, header":  {must(callcreds.APIKey(secret, callcreds.WithHeader("X-Shop-Key"))), map[string]string{"x-shop-key": secret}, false},
		"key, scheme":  {must(callcreds.APIKey(secret, callcreds.WithScheme("ApiKey"))), map[string]string{"authorization": "ApiKey " + secret}, false},
		"key file":     {must(callcreds.APIKeyFile(path, callcreds.WithPlaintext())), map[string]string{"x-api-key": secret}, true},
		"key file too": {must(callcreds.APIKeyFile(path, callcreds.WithScheme("Key"))), map[string]string{"authorization": "Key " + secret}, false},
	} {
		if got := headerOf(t, test.creds); !maps.Equal(got, test.want) {
			t.Errorf("%s: sends %q, want %q", name, got, test.want)
		}
		if test.creds.RequireTransportSecurity() == test.plaintext {
			t.Errorf("%s: requires security: %v", name, !test.plaintext)
		}
		test.creds.Rejected() // has no effect
		checkHidden(t, name, test.creds)
	}
}

// checkHidden checks that nothing that prints credentials prints the secret.
func checkHidden(t *testing.T, name string, creds *callcreds.Credentials) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("", "creds", creds)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("", "creds", creds)
	inJSON, err := json.Marshal(creds)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{creds.String(), fmt.Sprintf("%v %+v %#v %s %q", creds, creds, creds, creds, creds), log.String(), string(inJSON)} {
		if strings.Contains(text, secret) || !strings.Contains(text, "callcreds: ") {
			t.Errorf("%s: printed as %s", name, text)
		}
	}
}

func TestSecretsThatCannotBeSent(t *testing.T) {
	for name, test := range map[string]struct{ secret, want string }{
		"empty":       {"", "empty"},
		"with scheme": {"Bearer " + secret, `without "Bearer"`},
		"line feed":   {secret + "\n" + secret, "visible ASCII"},
		"not ASCII":   {secret + "ß", "visible ASCII"},
		"NUL":         {secret + "\x00", "visible ASCII"},
		"huge":        {strings.Repeat(secret, 3000), "more than 65536 bytes"},
	} {
		path := write(t, test.secret)
		_, token := callcreds.Token(test.secret)
		_, key := callcreds.APIKey(test.secret)
		_, tokenFile := callcreds.TokenFile(path)
		_, keyFile := callcreds.APIKeyFile(path)
		for _, err := range []error{token, key, tokenFile, keyFile} {
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v, want %q", name, err, test.want)
			}
		}
		if !strings.Contains(tokenFile.Error(), path) {
			t.Errorf("%s: %v does not name the file", name, tokenFile)
		}
	}
	if _, err := callcreds.TokenFile(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that does not exist is no error")
	}
}

func TestOptionsThatDoNotFit(t *testing.T) {
	of := func(k string, opts ...callcreds.Option) (err error) {
		switch k {
		case "token":
			_, err = callcreds.Token(secret, opts...)
		case "key":
			_, err = callcreds.APIKey(secret, opts...)
		default:
			_, err = callcreds.OAuth2("https://id.example.com/token", "shop", append(opts, callcreds.WithSecret(secret))...)
		}
		return err
	}
	for want, err := range map[string]error{
		"WithHeader: it is an option of APIKey":       of("token", callcreds.WithHeader("x")),
		"WithScheme: it is an option of APIKey":       of("oauth2", callcreds.WithScheme("x")),
		"WithScopes: it is an option of OAuth2":       of("key", callcreds.WithScopes("x")),
		"WithSecret: it is an option of OAuth2":       of("token", callcreds.WithSecret("x")),
		"WithSecretFile: it is an option of OAuth2":   of("token", callcreds.WithSecretFile("x")),
		"WithParameter: it is an option of OAuth2":    of("token", callcreds.WithAudience("x")),
		"WithTransport: it is an option of OAuth2":    of("token", callcreds.WithTransport(nil)),
		"WithSecretInBody: it is an option of OAuth2": of("token", callcreds.WithSecretInBody()),
		"WithPlaintextEndpoint: it is an option":      of("token", callcreds.WithPlaintextEndpoint()),
		`WithHeader(""): a name has`:                  of("key", callcreds.WithHeader("")),
		`WithHeader("x-key-bin"): the values`:         of("key", callcreds.WithHeader("X-Key-Bin")),
		`WithHeader("te"): gRPC uses`:                 of("key", callcreds.WithHeader("TE")),
		`WithScheme("a b")`:                           of("key", callcreds.WithScheme("a b")),
		"WithLogger(nil)":                             of("key", callcreds.WithLogger(nil)),
		"WithTransport(nil): pass":                    of("oauth2", callcreds.WithTransport(nil)),
		`WithScopes("a b")`:                           of("oauth2", callcreds.WithScopes("a b")),
		`WithParameter("client_secret")`:              of("oauth2", callcreds.WithParameter("client_secret", "x")),
		"WithSecret: the secret is empty":             of("oauth2", callcreds.WithSecret("")),
		"WithSecretFile: stat":                        of("oauth2", callcreds.WithSecretFile(filepath.Join(t.TempDir(), "none"))),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A token of Kubernetes is replaced by a swap of symbolic links.
func TestTokenFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		swap(t, dir, "v0", "first")
		creds, err := callcreds.TokenFile(filepath.Join(dir, "data", "token"), callcreds.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		if err != nil {
			t.Fatal(err)
		}
		for i, step := range []struct{ content, want string }{
			{"first", "first"}, {"second\n", "second"}, {"", "second"}, {"two words", "second"}, {"third", "third"},
		} {
			swap(t, dir, fmt.Sprint("v", i+1), step.content)
			time.Sleep(time.Second)
			if got := headerOf(t, creds)["authorization"]; got != "Bearer "+step.want {
				t.Errorf("step %d: sends %q", i, got)
			}
		}
		if err := os.Remove(filepath.Join(dir, "data")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := headerOf(t, creds)["authorization"]; got != "Bearer third" {
			t.Errorf("without the file: sends %q", got)
		}
	})
	text := log.String()
	if strings.Count(text, "not read; the previous ones are used") != 3 || strings.Contains(text, "second") || strings.Contains(text, "two words") {
		t.Errorf("the log is %s", text)
	}
}

// swap makes dir/data a link to a new directory with a token.
func swap(t *testing.T, dir, name, token string) {
	t.Helper()
	link := filepath.Join(dir, "next")
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, name), 0o700),
		os.WriteFile(filepath.Join(dir, name, "token"), []byte(token), 0o600),
		os.Symlink(name, link),
		os.Rename(link, filepath.Join(dir, "data")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}
