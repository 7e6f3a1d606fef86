package migrate

import (
	"strconv"
	"strings"
)

// middlewarePath is the import path of go-grpc-middleware, before its packages of interceptors.
const middlewarePath = "github.com/grpc-ecosystem/go-grpc-middleware/"

// advice is what becomes of the interceptors of a package.
var advice = []struct{ path, text string }{
	{middlewarePath + "v2/interceptors/recovery", "server.WithRecovery(true) recovers panics, and server.WithPanicHandler reports them"},
	{middlewarePath + "v2/interceptors/logging", "server.WithAccessLog(true) logs each call to server.WithLogger"},
	{middlewarePath + "v2/interceptors/auth", "server.WithAuthenticator authenticates, and the policy of a method says which scopes it requires (auth)"},
	{middlewarePath + "v2/interceptors/ratelimit", "rate in the policy of a method limits its calls"},
	{middlewarePath + "v2/interceptors/validator", "server.WithValidator(validate.New()) checks the rules of buf.validate"},
	{middlewarePath + "v2/interceptors/protovalidate", "server.WithValidator(validate.New()) checks the rules of buf.validate"},
	{middlewarePath + "v2/interceptors/realip", "server.WithTrustedProxies names the proxies whose X-Forwarded-For counts"},
	{middlewarePath + "v2/interceptors/retry", "retry in the policy of a method, with client.Dial"},
	{middlewarePath + "v2/interceptors/timeout", "timeout in the policy of a method, with client.Dial"},
	{middlewarePath + "v2/interceptors/selector", "a policy belongs to a method, so nothing has to be selected"},
	{middlewarePath + "providers/prometheus", "server.WithObservers(grpcprom.New().Server()) has the same names of metrics"},
	{"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc", "server.WithObservers(grpcotel.New().Server()) makes spans and metrics"},
}

// noteImports says what becomes of interceptors. They work as before until then.
func (m *mover) noteImports() {
	for _, spec := range m.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		for _, a := range advice {
			if p == a.path || strings.HasPrefix(p, a.path+"/") {
				m.note(spec.Pos(), "%s works as before; to replace it: %s", p, a.text)
			}
		}
	}
}
