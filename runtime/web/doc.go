// Package web serves the methods of a server over HTTP: in the protocols Connect (JSON and binary,
// and GET for methods without side effects), gRPC-Web and gRPC.
//
//	srv := server.New(web.Serve(":8081", web.WithOrigins("https://library.example.com")))
//	libraryv1service.RegisterBookService(srv, books)
//	if err := srv.Run(context.Background(), ":8080"); err != nil { // gRPC on 8080, the others on 8081
//		log.Fatal(err)
//	}
//
// [Serve] adds an address to a server. [ServeAlone] serves everything on one, where a platform has
// only one. [New] returns a [Handler] for an HTTP server of your own.
//
// Calls run through the same pipeline as those of the server's own address: policies, rates, the
// bounds of calls, idempotency keys, the log and the shutdown are shared.
//
// # Options
//
//   - [WithOrigins], [WithCookies]: browsers whose page has another origin
//   - [WithFallback]: other paths, such as those of a page
//   - [WithMaxRequestBytes], [WithMaxResponseBytes]: the size of messages
//   - [WithTLS], [WithoutTLS]: instead of the TLS of the server
package web
