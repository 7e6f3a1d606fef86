package service_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

func newUploadService(t *testing.T) *service.UploadService {
	t.Helper()
	staging, err := upload.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { staging.Close() })
	return service.NewUploadService(staging)
}

func TestUploadServiceContract(t *testing.T) {
	shopv1servicetest.CheckUploadService(t, newUploadService(t))
}

func image(name, content string) upload.Source[shopv1.ImageChunk] {
	return upload.Source[shopv1.ImageChunk]{Name: name, Content: strings.NewReader(content)}
}

const png = "\x89PNG\r\n\x1a\n"

func TestUploadImages(t *testing.T) {
	servicetest.NoLeaks(t)
	uploads := shopv1servicetest.ServeUploadService(t, newUploadService(t))
	summary, err := shopv1service.UploadServiceUploadImages.SendAll(t.Context(), uploads, func(yield func(upload.Source[shopv1.ImageChunk], error) bool) {
		_ = yield(image("a.png", png+"a"), nil) && yield(image("b.png", png+strings.Repeat("b", 100_000)), nil)
	})
	if err != nil || summary.GetTotalImages() != 2 || summary.GetTotalBytes() != 100_017 || strings.Join(summary.GetUploadedFilenames(), " ") != "a.png b.png" {
		t.Errorf("got %v, %v", summary, err)
	}
	if _, err = shopv1service.UploadServiceUploadImages.Send(t.Context(), uploads, image("a.png", png), upload.WithResume(0)); err != nil {
		t.Errorf("an image that is sent again: %v", err)
	}
	_, err = shopv1service.UploadServiceUploadImages.Send(t.Context(), uploads, image("a.txt", "hello"))
	wantCode(t, err, codes.InvalidArgument)
}

func TestUploadImagesIsBounded(t *testing.T) {
	uploads := shopv1servicetest.ServeUploadService(t, newUploadService(t))
	for i := range 101 {
		_, err := shopv1service.UploadServiceUploadImages.Send(t.Context(), uploads, image(fmt.Sprint(i), png))
		want := codes.OK
		if i == 100 {
			want = codes.ResourceExhausted
		}
		wantCode(t, err, want)
	}
}
