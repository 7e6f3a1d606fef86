// Package storetest tests what every [operation.Store] must do.
package storetest

import (
	"slices"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

// Run runs the tests on stores that open makes, each empty and closed by open's own t.Cleanup. They take a second or two of waiting for
// leases of a few milliseconds.
func Run(t *testing.T, open func(t *testing.T) operation.Store) {
	for _, test := range slices.Concat(createTests, claimTests, endTests, findTests) {
		t.Run(test.name, func(t *testing.T) {
			test.run(&suite{T: t, Store: open(t), ctx: t.Context()})
		})
	}
}
