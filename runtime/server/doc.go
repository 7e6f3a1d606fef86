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
//
// # Options
//
// Callers and connections:
//
//   - [WithAuthenticator], [WithoutAuthentication]: who may call
//   - [PeerCertificate] with [WithTrustDomains], [WithDNSNameIdentity], [WithSubjectIdentity]:
//     callers by their certificates
//   - [WithAuthorizer]: who has a permission on which resource
//   - [WithTLSFiles], [WithClientCAs], [WithOptionalClientCertificates], [WithMinTLSVersion]:
//     encryption with certificates in files; [WithTLS] and [WithCredentials] with your own;
//     [WithWrappedCredentials] around them
//   - [WithMaxCalls], [WithMaxCallsPerPeer], [WithMaxConnections], [WithMaxConnectionsPerPeer],
//     [WithMaxConnectionAge], [WithMaxConnectionAgeGrace]: bounds of the whole server
//   - [WithStreamWorkers]: goroutines that wait for calls
//   - [WithTrustedProxies], [WithProxyProtocol]: proxies that state where calls come from
//
// What policies require:
//
//   - [WithPolicy], [WithPolicyFile]: overrides from the server's configuration; those of a file may
//     change while the server runs
//   - [WithRateLimiter], [WithIdempotency]: rates and idempotency keys across replicas
//   - [WithDefaultTimeout], [WithSendTimeout]: the deadline of calls that have none, and of
//     responses that nobody reads
//   - [WithTokenKeys]: the seal of page tokens
//
// Requests, responses and errors:
//
//   - [WithValidator], [WithRequestChecks]: checks of requests
//   - [WithResponseCompression]; [CompressResponse] decides for one call
//   - [WithErrorMasking], [WithHeldHeaders], [WithRequestIDTrailer]: what callers receive
//   - [WithUnaryInterceptors], [WithStreamInterceptors]: interceptors inside the pipeline
//
// Operation:
//
//   - [WithLogger], [WithAccessLog], [WithObservers]: logs, metrics and traces; [NewJSONHandler] is
//     a handler for the logger
//   - [WithRecovery], [WithPanicHandler], [WithCrashOnPanic]: panics
//   - [WithDrainDelay], [WithShutdownTimeout]: shutdown
//   - [WithReflection]: the reflection service
//   - [WithEngine]: what accepts connections, instead of a *grpc.Server
//   - [WithService], [WithOptions], [WithError]: for packages that offer an option of a server
//   - [WithHealthAddr]: health for probes that do not use TLS
//   - [WithFront]: the methods in another protocol; see package web
//   - [WithCompanions]: what runs beside the server, such as an admin page; [Server.Sources] are the
//     metrics that it may show
//
// [Server.Conn] calls the services from the same process; [WithPeer] is an option of it.
// [Server.Host] is the server as a [Front] sees it.
//
// Existing servers:
//
//   - [Compatible]: a service that moves changes nothing on the wire
//   - [WithGRPCOptions], [WithTransportDefaults]: grpc's own options
//   - [GRPCOptions]: the options of a *grpc.Server for [On]
package server
