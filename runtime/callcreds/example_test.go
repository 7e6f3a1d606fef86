package callcreds_test

import (
	"log"

	"github.com/grpcservice/grpcservice/runtime/callcreds"
	"github.com/grpcservice/grpcservice/runtime/client"
)

func ExampleOAuth2() {
	creds, err := callcreds.OAuth2("https://id.example.com/oauth2/token", "shop",
		callcreds.WithSecretFile("/secrets/client-secret"), callcreds.WithScopes("books.read"))
	if err != nil {
		log.Print(err)
		return
	}
	conn, err := client.Dial("dns:///books:8443", client.WithCallCredentials(creds))
	if err != nil {
		log.Print(err)
		return
	}
	defer conn.Close()
}
