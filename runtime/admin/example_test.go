package admin_test

import (
	"context"
	"log"
	"net/http"

	"github.com/grpcservice/grpcservice/runtime/admin"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// The page observes the calls of a server, and listens while the server runs.
func ExamplePage() {
	page := admin.New(admin.WithAddr(":9090"), admin.WithMetrics(http.NotFoundHandler()), admin.WithHosts("admin.internal"))
	srv := server.New(server.WithObservers(page), server.WithCompanions(page))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
	if err := srv.Run(context.Background(), ":8080"); err != nil {
		log.Fatal(err)
	}
}
