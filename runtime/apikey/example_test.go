package apikey_test

import (
	"fmt"

	"github.com/grpcservice/grpcservice/runtime/apikey"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func Example() {
	// Give the key to its user, and keep only the hash.
	key := "shop_" + apikey.Generate()
	hash, err := apikey.HashOf(key)
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := apikey.New([]apikey.Key{{Hash: hash, Principal: "ci", Scopes: []string{"books.read"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = server.New(server.WithAuthenticator(keys))
	fmt.Println(len(key))
	// Output: 57
}
