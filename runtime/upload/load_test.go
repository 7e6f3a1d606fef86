package upload_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

// TestUploadsAtOnce uploads 64 files into one staging area, some of them under a name that another
// call uses, with calls that are canceled and methods that fail, panic or read half of a file. Each
// that succeeds has saved its own bytes, and the area is empty after all have been sent once more.
func TestUploadsAtOnce(t *testing.T) {
	servicetest.NoLeaks(t)
	path := t.TempDir()
	var calm atomic.Bool
	client := serve(t, &store{
		opts: []upload.Option{upload.WithStaging(openDir(t, path))},
		save: func(name string, file io.Reader) error {
			if calm.Load() {
				return saveWhole(name, file)
			}
			switch rand.IntN(6) {
			case 0:
				return errNotSaved
			case 1:
				panic("broken")
			case 2:
				_, _ = io.CopyN(io.Discard, file, 1000)
				return nil
			}
			return saveWhole(name, file)
		},
	})
	send := func(i int) error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		name := fmt.Sprintf("file-%02d", i%48)
		content := strings.NewReader(strings.Repeat(name, 20_000))
		_, err := images.Send(ctx, client, upload.Source[chunk]{Name: name, Content: content}, upload.WithResume(0),
			upload.WithProgress(func(sent, _ int64) {
				if !calm.Load() && sent > 64<<10 && rand.IntN(20) == 0 {
					cancel()
				}
			}))
		return err
	}
	all := func(n int, check func(error)) {
		var calls sync.WaitGroup
		for i := range n {
			calls.Go(func() { check(send(i)) })
		}
		calls.Wait()
	}
	for range 3 {
		all(64, func(err error) {
			switch status.Code(err) {
			case codes.OK, codes.Canceled, codes.Aborted, codes.Unknown, codes.Internal:
			default:
				t.Error(err)
			}
		})
	}
	calm.Store(true)
	all(48, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	eventually(t, func() string { files, size := staged(t, path); return fmt.Sprint(files, size) }, "0 0")
}

// saveWhole checks that a file has the bytes that TestUploadsAtOnce sends under its name.
func saveWhole(name string, file io.Reader) error {
	data, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	if string(data) != strings.Repeat(name, 20_000) {
		return status.Errorf(codes.DataLoss, "%s has the bytes of another file", name)
	}
	return nil
}
