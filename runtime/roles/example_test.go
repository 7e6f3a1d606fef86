package roles_test

import (
	"fmt"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/roles"
)

// Users may read and cancel their own orders, and clerks those of their shop.
func ExampleParse() {
	r, err := roles.Parse([]byte(`
version: v1
roles:
  clerk: ["orders.*"]
bindings:
  - role: clerk
    principals: ["https://id.example.com#*"]
    resources: ["users/{principal}/orders/*"]
  - role: clerk
    scopes: [shops.a]
    resources: ["shops/a/orders/*"]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	eve := runtime.NewPrincipal("https://id.example.com#eve")
	clerk := runtime.NewPrincipal("https://id.example.com#bob", "shops.a")
	fmt.Println(r.Has(eve, "orders.cancel", "users/eve/orders/7"), r.Has(eve, "orders.cancel", "users/bob/orders/7"))
	fmt.Println(r.Has(eve, "orders.cancel", "shops/a/orders/7"), r.Has(clerk, "orders.cancel", "shops/a/orders/7"))
	// Output:
	// true false
	// false true
}
