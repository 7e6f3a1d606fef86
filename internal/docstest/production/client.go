package main

import (
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/callcreds"
	"github.com/grpcservice/grpcservice/runtime/client"
)

func dial(target string) (*client.Conn, error) {
	token, err := callcreds.OAuth2("https://id.example.com/token", "shop", callcreds.WithSecretFile("/secrets/shop"))
	if err != nil {
		return nil, err
	}
	return client.Dial(target, libraryv1service.BookServiceConfig(), client.WithCallCredentials(token))
}
