// Command server is the user's.
package main

import (
	"context"

	pbservice "example.com/skeleton_app_there/library/v1/libraryv1service"

	"github.com/grpcservice/grpcservice/runtime/server"
)

func main() {
	srv := server.New()
	pbservice.RegisterBookService(srv, nil)
	_ = srv.Run(context.Background(), ":8080")
}
