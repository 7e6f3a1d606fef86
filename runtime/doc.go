// Package runtime is what generated services stand on: a server with one fused pipeline for all four RPC kinds, the
// client side of the same table of facts, health, errors and a shutdown that always finishes.
//
// A service is registered on a [server.Server], which is a [grpc.ServiceRegistrar]:
//
//	srv := server.New()
//	libraryv1service.RegisterBookService(srv, service.NewBookService(db))
//	if err := srv.Run(context.Background(), ":8080"); err != nil {
//		log.Fatal(err)
//	}
//
// What happens around a call, in this order: observers and panics, how many calls run at a time, how often they come, who calls
// and whether they may, the deadline, decoding, checks of the request, whether it was made before, the user's interceptors, the
// method, the log. A stream goes through the same once, when it opens, and through the checks with each message. What a method
// asks is its [Policy].
//
// The package imports the standard library, grpc, protobuf and genproto's rpc package, nothing else.
package runtime
