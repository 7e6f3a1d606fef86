//go:build !race

package roles_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/roles"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestDecisionsAllocateNothing holds what a decision costs.
func TestDecisionsAllocateNothing(t *testing.T) {
	authorize := parse(t, shop).Bind(runtime.MethodInfo{})
	user := runtime.NewPrincipal("https://id.example.com#eve", "shop.clerk")
	resources, allowed := []string{"users/eve/orders/1"}, []bool{false}
	if got := testing.AllocsPerRun(100, func() {
		allowed[0] = false
		err := authorize(context.Background(), server.Access{Principal: user, Permission: "orders.get", Resources: resources}, allowed)
		if err != nil || !allowed[0] {
			t.Fatal(allowed, err)
		}
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkDecide(b *testing.B) {
	var text strings.Builder
	text.WriteString(shop)
	for i := range 1000 {
		fmt.Fprintf(&text, "  - {role: viewer, principals: [\"user-%d\"], resources: [\"shops/%d/orders/*\"]}\n", i, i)
	}
	r, err := roles.Parse([]byte(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	authorize, user := r.Bind(runtime.MethodInfo{}), runtime.NewPrincipal("user-7", "a", "b")
	ask, allowed := server.Access{Principal: user, Permission: "orders.get", Resources: []string{"shops/7/orders/1"}}, []bool{false}
	for b.Loop() {
		allowed[0] = false
		_ = authorize(context.Background(), ask, allowed)
	}
	if !allowed[0] {
		b.Fatal("not allowed")
	}
}
