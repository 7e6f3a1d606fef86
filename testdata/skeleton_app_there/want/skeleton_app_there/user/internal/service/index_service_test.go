package service_test

import (
	"testing"

	"example.com/library/internal/service"
	"example.com/skeleton_app_there/library/v1/libraryv1servicetest"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// TestIndexService checks that IndexService keeps the contract of every service, whatever callers send.
func TestIndexService(t *testing.T) {
	libraryv1servicetest.CheckIndexService(t, service.NewIndexService(operation.NewManager(operation.Memory())))
}
