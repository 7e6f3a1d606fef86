package handshake_test

import (
	"context"
	"fmt"
	"io"

	uploadv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1"
	"github.com/grpcservice/grpcservice/runtime"
)

func ExampleMethod_Converse() {
	// Called directly, as here, an implementation behaves as its client does.
	service := transcoder{do: func(ctx context.Context, config *header, reqs runtime.Stream[request], send func(*response) error) error {
		for req, err := range reqs {
			if err != nil {
				return err
			}
			text := fmt.Sprintf("%s as %s", req.GetData(), config.GetName())
			if err := send(&uploadv1.UploadSummary{Names: []string{text}}); err != nil {
				return err
			}
		}
		return nil
	}}

	c, err := transcode.Converse(context.Background(), service, &uploadv1.VideoHeader{Name: "mp4"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	for _, part := range []string{"one", "two"} {
		if err := c.Send(&uploadv1.UploadVideoRequest{Part: &uploadv1.UploadVideoRequest_Data{Data: []byte(part)}}); err != nil {
			fmt.Println(err)
			return
		}
		resp, err := c.Receive()
		fmt.Println(resp.GetNames(), err)
	}
	c.CloseSend()
	_, err = c.Receive()
	fmt.Println(err == io.EOF)
	// Output:
	// [one as mp4] <nil>
	// [two as mp4] <nil>
	// true
}
