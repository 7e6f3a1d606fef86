//go:build !race

package server_test

import (
	"context"
	goruntime "runtime"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestPeerCertificateAllocs checks that a certificate is read once, and that nothing is kept of
// certificates that are gone.
func TestPeerCertificateAllocs(t *testing.T) {
	ca := certtest.NewCA(t, "root")
	authenticate := server.PeerCertificate().Bind(runtime.MethodInfo{})
	issue := func() context.Context {
		return peerWith(ca.Issue(t, "client", certtest.URIs(t, "spiffe://example.org/a")).Certificate(t).Leaf, true)
	}
	ctx := issue()
	first, err := authenticate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if allocs := alloctest.Least(func() {
		if again, err := authenticate(ctx); err != nil || again != first {
			t.Errorf("got %v, %v", again, err)
		}
	}); allocs > 0 {
		t.Errorf("%v allocations for a call", allocs)
	}
	gone := make(chan struct{})
	principal, err := authenticate(issue())
	if err != nil {
		t.Fatal(err)
	}
	goruntime.AddCleanup(principal, func(struct{}) { close(gone) }, struct{}{})
	principal = nil
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		goruntime.GC()
		select {
		case <-gone:
			return
		default:
		}
		if time.Since(start) > 30*time.Second {
			t.Fatal("the principal of a certificate that is gone is kept")
		}
	}
}
