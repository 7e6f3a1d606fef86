package migrate

import (
	"strconv"
	"strings"
)

// middlewarePath is the import path of go-grpc-middleware, before its packages of interceptors.
const middlewarePath = chainPath + "/"

// chainPath is the package of version 1 that only chains interceptors.
const chainPath = "github.com/grpc-ecosystem/go-grpc-middleware"

// guide is the page that says what becomes of the parts of other frameworks.
const guide = "https://github.com/grpcservice/grpcservice/blob/main/docs/moving.md"

// advice is what becomes of the interceptors of a package. The first whose path matches counts.
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
	{middlewarePath + "recovery", "server.WithRecovery(true) recovers panics, and server.WithPanicHandler reports them"},
	{middlewarePath + "logging", "server.WithAccessLog(true) logs each call to server.WithLogger"},
	{middlewarePath + "auth", "server.WithAuthenticator authenticates, and the policy of a method says which scopes it requires (auth)"},
	{middlewarePath + "ratelimit", "rate in the policy of a method limits its calls"},
	{middlewarePath + "validator", "server.WithValidator(validate.New()) checks the rules of buf.validate"},
	{middlewarePath + "retry", "retry in the policy of a method, with client.Dial"},
	{middlewarePath + "tags", "server.WithAccessLog(true) logs what calls have in common, and an observer sees the request"},
	{middlewarePath + "tracing", "server.WithObservers(grpcotel.New().Server()) makes spans"},
	{chainPath, "grpc.ChainUnaryInterceptor and grpc.ChainStreamInterceptor chain interceptors"},
	{"github.com/grpc-ecosystem/go-grpc-prometheus", "server.WithObservers(grpcprom.New().Server()) has the same names of metrics"},
	{"connectrpc.com/connect", "see " + guide + "#from-connect-go"},
	{"github.com/go-kratos/kratos/v2", "see " + guide + "#from-kratos"},
	{"github.com/zeromicro/go-zero/zrpc", "see " + guide + "#from-go-zero"},
	{"github.com/grpc-ecosystem/grpc-gateway/v2/runtime", "see " + guide + "#from-grpc-gateway"},
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
			if p == a.path || a.path != chainPath && strings.HasPrefix(p, a.path+"/") {
				m.note(spec.Pos(), "%s works as before; to replace it: %s", p, a.text)
				break
			}
		}
	}
}
