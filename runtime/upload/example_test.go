package upload_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/stream"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

func ExampleMethod_Files() {
	requests := stream.Of(
		&chunk{Filename: "a.txt", Data: []byte("hello ")},
		&chunk{Filename: "a.txt", Data: []byte("world"), ChunkNumber: 1},
		&chunk{Filename: "b.txt", Data: []byte("bye")},
	)
	for file, err := range images.Files(context.Background(), requests) {
		if err != nil {
			fmt.Println(err)
			return
		}
		content, err := io.ReadAll(file)
		fmt.Printf("%s: %q %v\n", file.Name(), content, err)
	}
	// Output:
	// a.txt: "hello world" <nil>
	// b.txt: "bye" <nil>
}

func ExampleMethod_Send() {
	source := upload.Source[chunk]{Name: "a.txt", Content: strings.NewReader("hello world")}
	progress := upload.WithProgress(func(sent, total int64) { fmt.Printf("%d of %d\n", sent, total) })
	// A client of the service takes the place of &store{}.
	summary, err := images.Send(context.Background(), &store{}, source, upload.WithChunkBytes(6), progress)
	fmt.Println(summary.GetNames(), err)
	// Output:
	// 6 of 11
	// 11 of 11
	// [a.txt:11] <nil>
}
