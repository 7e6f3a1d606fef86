package runtime

import "google.golang.org/grpc"

// guardUnknown returns the options that keep unauthenticated callers from the handler of
// grpc.UnknownServiceHandler, which has no policy: with an authenticator, only methods that are
// registered can be called.
func (c *serverConfig) guardUnknown() []grpc.ServerOption {
	if c.authenticator == nil || c.open {
		return nil
	}
	return []grpc.ServerOption{grpc.ChainStreamInterceptor(rejectUnknown)}
}

// rejectUnknown rejects calls of methods that no service has: grpc passes them on without an
// implementation.
func rejectUnknown(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if srv == nil {
		return errNoPolicy
	}
	return handler(srv, ss)
}
