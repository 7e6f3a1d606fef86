package runtime_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// Claims may hold the credentials that they were read from.
func TestClaimsAreNotPrinted(t *testing.T) {
	const secret = "eyJhbGciOi"
	principal := runtime.NewPrincipal("ada", "read")
	principal.Claims = map[string]any{"raw": []byte(secret), "text": secret}
	for what, value := range map[string]any{
		"a principal": principal, "its value": *principal, "principals": []*runtime.Principal{principal},
		"a field": struct{ By *runtime.Principal }{principal}, "an origin": runtime.Origin{Principal: principal},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%c", "%U", "%t"} {
			text := fmt.Sprintf(verb, value)
			if written := strings.Trim(fmt.Sprintf(verb, []byte(secret)), "[]{}"); strings.Contains(text, secret) || strings.Contains(text, written) {
				t.Errorf("%s of %s prints %s", verb, what, text)
			}
		}
		encoded, err := json.Marshal(value)
		if err != nil || strings.Contains(string(encoded), secret) || !strings.Contains(string(encoded), "ada") {
			t.Errorf("%s as JSON is %s, %v", what, encoded, err)
		}
		log := new(echotest.Records)
		log.Logger(slog.LevelInfo).Info("", "value", value)
		if text := log.Text(); strings.Contains(text, secret) || !strings.Contains(text, "ada") {
			t.Errorf("a log with %s has %s", what, text)
		}
	}
	if text := fmt.Sprint((*runtime.Principal)(nil)); text != "<nil>" {
		t.Errorf("nobody is printed as %s", text)
	}
}
