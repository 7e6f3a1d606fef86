package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"strings"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

// playUpload uploads an image and shows the progress.
func playUpload(ctx context.Context, uploads shopv1service.UploadService) error {
	content, err := picture()
	if err != nil {
		return err
	}
	shown := int64(-1)
	progress := upload.WithProgress(func(sent, total int64) {
		const width = 20
		if done := sent * width / total; done != shown {
			shown = done
			fmt.Printf("\r%-17s teapot.png [%-*s] %3d%%", "UploadImages", width, strings.Repeat("#", int(done)), sent*100/total)
		}
	})
	summary, err := shopv1service.UploadServiceUploadImages.Send(ctx, uploads,
		upload.Source[shopv1.ImageChunk]{Name: "teapot.png", Content: bytes.NewReader(content)}, progress, upload.WithResume(0))
	fmt.Println()
	if err != nil {
		return fmt.Errorf("UploadImages: %w", err)
	}
	say("UploadImages", "%d image, %d bytes", summary.GetTotalImages(), summary.GetTotalBytes())
	if summary.GetTotalBytes() != int64(len(content)) {
		return fmt.Errorf("UploadImages: want %d bytes, got %v", len(content), summary)
	}
	return nil
}

// picture returns a PNG image that does not compress.
func picture() ([]byte, error) {
	pixels := image.NewGray(image.Rect(0, 0, 1024, 1024))
	for i := range pixels.Pix {
		pixels.Pix[i] = byte(rand.Uint32())
	}
	var content bytes.Buffer
	err := png.Encode(&content, pixels)
	return content.Bytes(), err
}
