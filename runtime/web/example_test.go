package web_test

import (
	"context"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// books is the implementation of a program.
var books libraryv1service.BookService

func ExampleServe() {
	srv := server.New(
		web.Serve(":8081", web.WithOrigins("https://library.example.com")),
	)
	libraryv1service.RegisterBookService(srv, books)
	if err := srv.Run(context.Background(), ":8080"); err != nil { // gRPC on 8080, everything else on 8081
		log.Fatal(err)
	}
}

func ExampleServeAlone() {
	srv := server.New(web.ServeAlone())
	libraryv1service.RegisterBookService(srv, books)
	if err := srv.Run(context.Background(), ":"+os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}

func ExampleWithFallback() {
	pages := os.DirFS("pages")
	srv := server.New(web.Serve(":8081", web.WithFallback(http.FileServerFS(pages))))
	libraryv1service.RegisterBookService(srv, books)
}

func ExampleNew() {
	srv := server.New()
	libraryv1service.RegisterBookService(srv, books)
	handler, err := web.New(srv)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	own := &http.Server{Addr: ":8081", Handler: mux, ReadHeaderTimeout: 20 * time.Second}
	srv.Background("http", func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = own.Shutdown(context.Background()) })
		defer stop()
		if err := own.ListenAndServe(); err != http.ErrServerClosed {
			return err
		}
		return nil // srv waits for the calls
	})
	if err := srv.Run(context.Background(), ":8080"); err != nil {
		log.Fatal(err)
	}
}
