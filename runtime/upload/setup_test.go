package upload_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"google.golang.org/grpc"

	uploadv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1/uploadv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

type (
	service = uploadv1service.UploadService
	chunk   = uploadv1.ImageChunk
	part    = uploadv1.UploadVideoRequest
	summary = uploadv1.UploadSummary
)

func info(name string) runtime.MethodInfo {
	return runtime.NewMethodInfo(uploadv1service.UploadServiceName, name, runtime.KindClientStream, runtime.Policy{})
}

var (
	images = upload.Of(info("UploadImages"), service.UploadImages, upload.Fields{
		Name: "filename", Data: "data", Number: "chunk_number", Checksum: "sha256",
	})
	videos = upload.OfHeader(info("UploadVideo"), service.UploadVideo, (*part).GetHeader, upload.Fields{
		Header: "header", Name: "header.name", Data: "data", Offset: "offset", Size: "header.size_bytes", Checksum: "header.crc32c", Finish: "finish",
	})
)

// store serves uploads.
type store struct {
	uploadv1service.UnimplementedUploadService
	opts []upload.Option
	// save is called with each file; nil reads it.
	save func(name string, file io.Reader) error
}

var errNotSaved = errors.New("not saved")

func (s *store) UploadImages(ctx context.Context, reqs runtime.Stream[chunk]) (*summary, error) {
	sum := &summary{}
	for file, err := range images.Files(ctx, reqs, s.opts...) {
		if err != nil {
			return nil, err
		}
		if err := s.add(sum, file.Name(), file); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

func (s *store) UploadVideo(ctx context.Context, reqs runtime.Stream[part]) (*summary, error) {
	sum := &summary{}
	for file, err := range videos.Files(ctx, reqs, s.opts...) {
		if err != nil {
			return nil, err
		}
		if err := s.add(sum, file.Name()+" by "+file.Header().GetAuthor(), file); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

func (s *store) add(sum *summary, name string, file io.Reader) error {
	if s.save != nil {
		return s.save(name, file)
	}
	n, err := io.Copy(io.Discard, file)
	sum.Names, sum.TotalBytes = append(sum.GetNames(), fmt.Sprintf("%s:%d", name, n)), sum.GetTotalBytes()+n
	return err
}

// serve returns a client of s.
func serve(t testing.TB, s *store) service {
	t.Helper()
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { uploadv1service.RegisterUploadService(r, s) })
	return uploadv1service.NewUploadServiceClient(conn)
}
