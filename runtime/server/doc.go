// Package server serves the tables of services over gRPC, with one pipeline for all four kinds of
// RPC, health, and a shutdown that always finishes.
//
//	srv := server.New(server.WithAuthenticator(authenticator))
//	libraryv1service.RegisterBookService(srv, service.NewBookService(db))
//	if err := srv.Run(context.Background(), ":8080"); err != nil { // SIGTERM: not serving, drain, stop
//		log.Fatal(err)
//	}
//
// [New] returns a [Server], which is a [grpc.ServiceRegistrar]: services that other generators
// wrote run through the same pipeline. [On] puts the pipeline around your own *grpc.Server.
//
// The pipeline authenticates and authorizes a call, enforces the rates, the concurrency and the
// deadline of its policy, decodes and checks the request, and calls the method. docs/pipeline.md
// lists the steps in their order.
package server
