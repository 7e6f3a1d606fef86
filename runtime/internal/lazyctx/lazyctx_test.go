package lazyctx_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/lazyctx"
)

var errGone = errors.New("gone")

// within5s returns a context that ends after 5 seconds, as a call has it.
func within5s(parent context.Context) *lazyctx.Context {
	return &lazyctx.Context{Context: parent, Until: time.Now().Add(5 * time.Second)}
}

func TestContextEnds(t *testing.T) {
	for name, end := range map[string]struct {
		by   func(t *lazyctx.Context, cancel func())
		want error
	}{
		"by its deadline":   {func(*lazyctx.Context, func()) { time.Sleep(5 * time.Second) }, context.DeadlineExceeded},
		"by its parent":     {func(_ *lazyctx.Context, cancel func()) { cancel() }, context.Canceled},
		"with its call":     {func(c *lazyctx.Context, _ func()) { c.End() }, context.Canceled},
		"after it was late": {func(c *lazyctx.Context, _ func()) { time.Sleep(6 * time.Second); c.Err(); c.End() }, context.DeadlineExceeded},
	} {
		for _, watched := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(context.Background())
				defer cancel()
				c := within5s(parent)
				if watched {
					select {
					case <-c.Done():
						t.Errorf("%s: it is done at once", name)
					default:
					}
				}
				if err := c.Err(); err != nil {
					t.Errorf("%s: %v at once", name, err)
				}
				end.by(c, cancel)
				synctest.Wait()
				if err := c.Err(); !errors.Is(err, end.want) {
					t.Errorf("%s (watched %t): %v, want %v", name, watched, err, end.want)
				}
				<-c.Done()
				if err := context.Cause(c); !errors.Is(err, end.want) {
					t.Errorf("%s (watched %t): the cause is %v, want %v", name, watched, err, end.want)
				}
				c.End()
			})
		}
	}
}

func TestContextHasTheEarlierDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, parent := range []time.Duration{time.Second, 10 * time.Second} {
			ctx, cancel := context.WithTimeout(context.Background(), parent)
			defer cancel()
			c := within5s(ctx)
			defer c.End()
			if got, ok := c.Deadline(); !ok || time.Until(got) != min(parent, 5*time.Second) {
				t.Errorf("in %v, want %v", time.Until(got), min(parent, 5*time.Second))
			}
		}
	})
}

// TestContextWithoutDeadline ends with its call, too.
func TestContextWithoutDeadline(t *testing.T) {
	for _, watched := range []bool{false, true} {
		c := &lazyctx.Context{Context: context.Background()}
		if got, ok := c.Deadline(); ok || c.Err() != nil {
			t.Errorf("it has the deadline %v and the error %v", got, c.Err())
		}
		if watched {
			select {
			case <-c.Done():
				t.Error("it is done at once")
			default:
			}
		}
		c.End()
		<-c.Done()
		if c.Err() != context.Canceled {
			t.Errorf("it has ended by %v", c.Err())
		}
	}
}

// TestContextKeepsItsError checks that the end of the call does not replace the error of a
// context whose parent has ended.
func TestContextKeepsItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithTimeoutCause(context.Background(), time.Second, errGone)
		defer cancel()
		c := within5s(parent)
		time.Sleep(time.Second)
		synctest.Wait()
		for range 2 {
			if err := c.Err(); err != context.DeadlineExceeded {
				t.Errorf("the error is %v, want %v", err, context.DeadlineExceeded)
			}
			if err := context.Cause(c); err != errGone {
				t.Errorf("the cause is %v, want %v", err, errGone)
			}
			c.End()
		}
	})
}

// TestContextOfChildren derives contexts, which must cost no goroutine and end with it.
func TestContextOfChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		c := within5s(context.WithValue(context.Background(), key{}, "value"))
		child, cancel := context.WithCancel(c)
		defer cancel()
		stopped := make(chan struct{})
		context.AfterFunc(child, func() { close(stopped) })
		if child.Value(key{}) != "value" {
			t.Error("the child has no values")
		}
		time.Sleep(5 * time.Second)
		<-stopped
		if !errors.Is(child.Err(), context.DeadlineExceeded) {
			t.Errorf("the child has ended by %v", child.Err())
		}
		c.End()
		if c.Value(key{}) != "value" {
			t.Error("the values have gone with the call")
		}
		after := within5s(context.WithValue(context.Background(), key{}, "value"))
		after.End()
		if after.Value(key{}) != "value" {
			t.Error("the values have gone with the call that nothing watched")
		}
	})
}
