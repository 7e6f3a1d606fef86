// Package storetest tests what every [operation.Store] must do.
package storetest

import (
	"slices"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

// Run runs the tests. newStore returns a new, empty store, and closes it in a t.Cleanup. The tests
// take a second or two, in which they wait for short leases.
func Run(t *testing.T, newStore func(t *testing.T) operation.Store) {
	for _, test := range slices.Concat(createTests, claimTests, endTests, findTests) {
		t.Run(test.name, func(t *testing.T) {
			test.run(&suite{T: t, Store: newStore(t), ctx: t.Context()})
		})
	}
}
