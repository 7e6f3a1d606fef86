package stream_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/stream"
)

var one = wrapperspb.Int64(1)

func TestPipeEndsAsItIsClosed(t *testing.T) {
	failed := errors.New("failed")
	for _, end := range []error{nil, failed} {
		synctest.Test(t, func(t *testing.T) {
			p := stream.NewPipe[number](t.Context())
			go func() {
				for n := range numbers(3) {
					if err := p.Send(n); err != nil {
						t.Error(err)
					}
				}
				p.Close(end)
				p.Close(errors.New("another end"))
			}()
			wantValues(t, p.Stream(), end, 0, 1, 2)
			if err := p.Send(one); err != stream.ErrClosed {
				t.Errorf("Send after Close: %v", err)
			}
		})
	}
}

// TestPipeCloseIsSeenBySendAtOnce closes before a reader that waits has learned of it.
func TestPipeCloseIsSeenBySendAtOnce(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			p := stream.NewPipe[number](t.Context())
			go wantValues(t, p.Stream(), nil)
			synctest.Wait()
			p.Close(nil)
			if err := p.Send(one); err != stream.ErrClosed {
				t.Errorf("Send after Close: %v", err)
			}
		})
	}
}

func TestPipeSendBlocksUntilTheMessageIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := stream.NewPipe[number](t.Context())
		sent := false
		go func() {
			if err := p.Send(one); err != nil {
				t.Error(err)
			}
			sent = true
		}()
		synctest.Wait()
		if sent {
			t.Error("Send returned without a reader")
		}
		for msg := range p.Stream() {
			synctest.Wait()
			if msg != one || !sent {
				t.Errorf("got %v, sent: %v", msg, sent)
			}
			break
		}
	})
}

func TestPipeSendEndsWithTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := stream.NewPipe[number](t.Context())
		go func() {
			for range p.Stream() {
				break
			}
		}()
		if err := p.Send(one); err != nil {
			t.Error(err)
		}
		err := p.Send(one)
		if err != stream.ErrReaderGone || status.Code(err) != codes.Canceled {
			t.Errorf("got %v", err)
		}
		wantValues(t, p.Stream(), stream.ErrStreamUsed)
	})
}

// TestPipeReaderThatPanicsIsGone checks that a panic in the loop leaves nobody waiting.
func TestPipeReaderThatPanicsIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := stream.NewPipe[number](t.Context())
		go func() {
			defer func() { _ = recover() }()
			for range p.Stream() {
				panic("reader")
			}
		}()
		_ = p.Send(one)
		if err := p.Send(one); err != stream.ErrReaderGone {
			t.Errorf("got %v", err)
		}
	})
}

func TestPipeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		reading, unread := stream.NewPipe[number](ctx), stream.NewPipe[number](ctx)
		go wantValues(t, reading.Stream(), context.Canceled)
		go func() {
			if err := unread.Send(one); err != context.Canceled {
				t.Errorf("Send: %v", err)
			}
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		closed := stream.NewPipe[number](ctx)
		closed.Close(nil)
		wantValues(t, closed.Stream(), nil) // what Close says counts
	})
}

func TestPipeRejectsNil(t *testing.T) {
	p := stream.NewPipe[number](t.Context())
	if err := p.Send(nil); err == nil || err.Error() != "cannot send a nil message" {
		t.Errorf("got %v", err)
	}
}

func TestPipeTakesManySenders(t *testing.T) {
	p := stream.NewPipe[number](t.Context())
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for range 100 {
				if err := p.Send(one); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() {
		senders.Wait()
		p.Close(nil)
	}()
	got, err := values(p.Stream())
	if len(got) != 800 || err != nil {
		t.Errorf("got %d messages, %v", len(got), err)
	}
}
