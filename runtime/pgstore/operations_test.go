package pgstore_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/operation/storetest"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

var (
	_ operation.TxStore  = (*pgstore.Operations)(nil)
	_ operation.Notifier = (*pgstore.Operations)(nil)
)

func TestOperations(t *testing.T) {
	storetest.Run(t, func(t *testing.T) operation.Store { return newDB(t).Operations() })
}

func TestOperationsShared(t *testing.T) {
	storetest.RunShared(t, func(t *testing.T, maxBytes int) operation.Store {
		return newDB(t).Operations(pgstore.WithMaxBytes(int64(maxBytes)))
	})
}
