// Package client calls the methods of services by their tables.
//
//	conn, err := client.Dial("dns:///books:8080", libraryv1service.BookServiceConfig())
//	if err != nil {
//		log.Fatal(err)
//	}
//	books := libraryv1service.NewBookServiceClient(conn)
//	book, err := books.GetBook(ctx, req)
//
// [Dial] returns a *grpc.ClientConn with TLS, keepalive, load balancing and the retries that policies
// allow. Generated clients work on any [grpc.ClientConnInterface]: they set the deadline of the policy,
// send the request ID, hedge calls, and return errors that have a status. Call options travel on the
// context, see [WithCallOptions]. [Backoff] retries what no policy covers.
package client
