package service_test

import (
	"testing"

	"example.com/skeleton_streams/internal/service"
	livev1 "example.com/skeleton_streams/live/v1"
	"example.com/skeleton_streams/live/v1/livev1servicetest"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/hub"
)

// TestLiveService checks that LiveService keeps the contract of every service, whatever callers send.
func TestLiveService(t *testing.T) {
	livev1servicetest.CheckLiveService(t, service.NewLiveService(eventlog.New[livev1.Event](eventlog.NewMemory()), eventlog.New[livev1.Change](eventlog.NewMemory()), eventlog.New[livev1.Line](eventlog.NewMemory()), hub.New[livev1.Message](), hub.New[livev1.Edited]()))
}
