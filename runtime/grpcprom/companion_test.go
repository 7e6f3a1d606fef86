package grpcprom_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestCompanion checks that metrics which accompany a server have the figures of its parts.
func TestCompanion(t *testing.T) {
	m := grpcprom.New()
	srv := server.New(server.WithObservers(m.Server()), server.WithCompanions(m))
	if stop, err := m.Start(t.Context(), srv); err != nil || stop != nil {
		t.Fatalf("Start returns %v and a function: %t", err, stop != nil)
	}
	scrape := httptest.NewRecorder()
	m.Handler().ServeHTTP(scrape, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(scrape.Body.String(), "\n"+metric.BuildInfo+"{") {
		t.Errorf("the scrape has no figures of the server:\n%s", scrape.Body)
	}
}

// TestCompanionWithBadOptions checks that mistakes in options are errors of the server.
func TestCompanionWithBadOptions(t *testing.T) {
	if _, err := grpcprom.New(grpcprom.WithBuckets(-1)).Start(t.Context(), server.New()); err == nil || !strings.Contains(err.Error(), "WithBuckets") {
		t.Errorf("the error is %v, want that of the option", err)
	}
}
