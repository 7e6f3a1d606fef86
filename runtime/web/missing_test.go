package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestUnknownMethod checks that a call of no method is a missing page with the error of the
// pipeline, and that a method that returns UNIMPLEMENTED is there.
func TestUnknownMethod(t *testing.T) {
	r := serve(t, echotest.Funcs{}, config{options: []server.Option{server.WithoutAuthentication()}})
	const unknown = `{"code":"unimplemented","message":"the server has no such method"`
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/test.v1.Echo/None": {http.StatusNotFound, unknown},
		"/none":              {http.StatusNotFound, unknown},
		"/test.v1.Echo/One":  {http.StatusNotImplemented, `{"code":"unimplemented"`},
	} {
		if resp, body := r.post(t, path, "application/json", `""`); resp.StatusCode != want.status ||
			!strings.HasPrefix(body, want.body) {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
}
