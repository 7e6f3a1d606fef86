package runtime

import (
	"sync"

	"google.golang.org/grpc"
)

// guardUnknown returns an interceptor that keeps strangers from the handler of grpc.UnknownServiceHandler, which has no policy:
// once an authenticator is set, only methods that are registered are called. services is read when the first call comes.
func guardUnknown(services func() map[string]grpc.ServiceInfo) grpc.StreamServerInterceptor {
	registered := sync.OnceValue(func() map[string]bool {
		paths := make(map[string]bool)
		for service, info := range services() {
			for _, m := range info.Methods {
				paths["/"+service+"/"+m.Name] = true
			}
		}
		return paths
	})
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if !registered()[info.FullMethod] {
			return errNoPolicy
		}
		return handler(srv, ss)
	}
}
