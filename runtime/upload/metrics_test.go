package upload

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/metrictest"
	"github.com/grpcservice/grpcservice/runtime/metric"
)

var _ metric.Source = (*Dir)(nil)

func TestMetricsAreDocumented(t *testing.T) {
	metrictest.Documented(t, "../../docs/uploads.md", &Dir{})
}

// TestMetrics counts what a directory holds and rejects, and keeps the last figures while the
// directory is locked.
func TestMetrics(t *testing.T) {
	d, _ := newDir(t, WithStagingName("images"), WithStagingBytes(400), WithStagingFiles(40))
	part := openPart(t, d, Key{Name: "a"})
	write(t, part, "0123456789")
	if _, err := part.Write(make([]byte, 100)); status.Code(err) != codes.ResourceExhausted {
		t.Fatalf("a chunk that exceeds the share of its principal: %v", err)
	}
	want := map[string]float64{
		`grpcservice_upload_staged_bytes{name="images"}`:           10,
		`grpcservice_upload_staged_bytes_limit{name="images"}`:     400,
		`grpcservice_upload_staged_files{name="images"}`:           1,
		`grpcservice_upload_staged_files_limit{name="images"}`:     40,
		`grpcservice_upload_staging_rejected_total{name="images"}`: 1,
	}
	metrictest.Want(t, d, want)
	d.mu.Lock() // as a sweep does that waits for the disk
	metrictest.Want(t, d, want)
	d.mu.Unlock()
	if err := part.Discard(); err != nil {
		t.Fatal(err)
	}
	metrictest.Want(t, d, map[string]float64{
		`grpcservice_upload_staged_bytes{name="images"}`: 0,
		`grpcservice_upload_staged_files{name="images"}`: 0,
	})
}
