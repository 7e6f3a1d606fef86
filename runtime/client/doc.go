// Package client calls the methods of services through their tables.
//
//	conn, err := client.Dial("dns:///books:8080", libraryv1service.BookServiceConfig())
//	if err != nil {
//		log.Fatal(err)
//	}
//	books := libraryv1service.NewBookServiceClient(conn)
//	book, err := books.GetBook(ctx, req)
//
// [Dial] returns a [Conn], a *grpc.ClientConn with TLS, keepalive, load balancing and the retries
// that policies allow. Generated clients work on any [grpc.ClientConnInterface]: they set the
// deadline of the policy, send the request ID, hedge calls, and return errors with a status. Call
// options travel in the context; see [WithCallOptions]. [Backoff] retries what policies do not
// cover.
//
// In the order of a program:
//
//   - [Dial] takes the generated Config of each service, which is [WithServiceConfig],
//     [WithHealthChecks], [WithRequestCompression], [WithObservers], [WithUnaryInterceptors],
//     [WithStreamInterceptors] and [WithDialOptions].
//     [ServiceConfigJSON] returns the same policies for another client of grpc.
//   - [WithResolvers], [WithBalancer], [WithZone] and [WithConnections] decide which servers receive
//     calls, over how many connections; see [NewResolver], [Balancer] and [SameZone].
//   - For encryption, Dial takes [WithServerCAs], [WithTLSFiles], [WithServerName] and
//     [WithMinTLSVersion], or [WithTLS], or [WithInsecure]; for authentication,
//     [WithCallCredentials]. [WithWrappedCredentials] is for packages such as xds.
//   - [WithKeepalive], [WithReconnectBackoff] and [WithIdleTimeout] set when connections are
//     checked, opened again and closed.
//   - [WithCallTimeout] sets the deadline of calls that have none; [WithCallOptions] passes grpc's
//     call options to one call; [WaitForReady] lets one wait for a server.
//   - Generated clients [Bind] each method of a connection and call it with [Unary],
//     [ServerStream], [ClientStream] or [Bidi].
package client
