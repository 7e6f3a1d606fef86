package service

import (
	"bytes"
	"context"
	"io"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

// maxImages bounds the memory of an UploadService, together with upload.max_file_bytes.
const maxImages = 100

// UploadService keeps the images of products in memory. It implements
// [shopv1service.UploadService].
type UploadService struct {
	staging upload.Staging

	mu     sync.Mutex
	images map[string][]byte // by name
}

// NewUploadService returns an UploadService that keeps unfinished uploads in staging.
func NewUploadService(staging upload.Staging) *UploadService {
	return &UploadService{staging: staging, images: make(map[string][]byte)}
}

// UploadImages takes images in chunks, one image after the other.
func (s *UploadService) UploadImages(ctx context.Context, reqs runtime.Stream[shopv1.ImageChunk]) (*shopv1.UploadSummary, error) {
	summary := &shopv1.UploadSummary{}
	for file, err := range shopv1service.UploadServiceUploadImages.Files(ctx, reqs, upload.WithStaging(s.staging)) {
		if err != nil {
			return nil, err
		}
		n, err := s.save(file.Name(), file)
		if err != nil {
			return nil, err
		}
		summary.TotalImages++
		summary.TotalBytes += n
		summary.UploadedFilenames = append(summary.UploadedFilenames, file.Name())
	}
	return summary, nil
}

// save stores an image. A repeated upload replaces the first one: a client that lost the response
// uploads again.
func (s *UploadService) save(name string, content io.Reader) (int64, error) {
	var image bytes.Buffer
	n, err := io.Copy(&image, content)
	if err != nil {
		return n, err
	}
	if !bytes.HasPrefix(image.Bytes(), []byte("\x89PNG")) {
		return n, rpcerr.Invalid(rpcerr.Violation("data", "%s is not a PNG image", name))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.images[name]; !ok && len(s.images) == maxImages {
		return n, status.Errorf(codes.ResourceExhausted, "the shop keeps %d images", maxImages)
	}
	s.images[name] = image.Bytes()
	return n, nil
}
