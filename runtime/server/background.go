package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/reload"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// Background runs fn as long as the server serves, for example a worker of a queue or the refresh
// of a cache. fn starts with [Server.Serve]. Its context has the values of Serve's and ends when
// the server stops accepting calls; the shutdown waits for fn as it waits for calls. The name is
// for logs and errors.
//
// If fn fails or panics, the server shuts down and Serve returns the error. It may return nil at
// any time, and the error of its context once that has ended.
func (s *Server) Background(name string, fn func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case fn == nil:
		s.errs = append(s.errs, fmt.Errorf("Background(%q, nil): pass a function", name))
	case s.started:
		err := fmt.Errorf("%s: registered after Serve; register what runs in the background before", name)
		s.pipeline.logger.Error("background function not started", "error", err)
		s.errs = append(s.errs, err)
	default:
		s.background.waiting = append(s.background.waiting, backgroundFunc{name, fn})
	}
}

// startBackground starts the background functions.
func (s *Server) startBackground(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.background.waiting) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.goAwaited(func() {
		<-s.pipeline.drain.started
		cancel()
	})
	for _, f := range s.background.waiting {
		s.background.begin(f.name)
		s.goAwaited(func() { s.runBackground(ctx, f) })
	}
}

// goAwaited runs f in a goroutine that a shutdown waits for.
func (s *Server) goAwaited(f func()) {
	s.pipeline.awaited.Enter() // the shutdown has not started
	go func() {
		defer s.pipeline.awaited.Leave()
		f()
	}()
}

// runBackground runs f, and shuts the server down if it fails.
func (s *Server) runBackground(ctx context.Context, f backgroundFunc) {
	defer s.background.end(f.name)
	err := errExited
	defer func() { s.endBackground(ctx, f.name, err) }()
	err = s.callBackground(ctx, f)
}

// errExited is the error of a background function that calls runtime.Goexit.
var errExited = errors.New("it ended its goroutine, as FailNow of a test does; return an error")

// endBackground shuts the server down if err is a failure: not nil, and not the cause of ctx.
func (s *Server) endBackground(ctx context.Context, name string, err error) {
	if err == nil || ctx.Err() != nil && isCause(ctx, err) {
		return
	}
	err = fmt.Errorf("%s failed in the background: %w", name, err)
	report.Log(func() { s.pipeline.logger.ErrorContext(ctx, "background function failed", "error", err) })
	s.failAndStop(err)
}

// isCause reports whether err is the cause of ctx. An error whose own methods panic, such as a
// typed nil pointer, is not.
func isCause(ctx context.Context, err error) (is bool) {
	defer func() { _ = recover() }()
	return errors.Is(err, context.Cause(ctx))
}

// callBackground calls f and recovers its panic.
func (s *Server) callBackground(ctx context.Context, f backgroundFunc) (err error) {
	defer func() {
		if value := recover(); value != nil {
			s.pipeline.recoverOutside(ctx, value, slog.String("background", f.name))
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return f.run(ctx)
}

func (b *background) begin(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = append(b.running, name)
}

// names returns the names of the running functions.
func (b *background) names() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.running)
}

func (b *background) end(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.running, name); i >= 0 {
		b.running = slices.Delete(b.running, i, i+1)
	}
}

// running names what a shutdown waits for: methods with the number of their calls, and background
// functions.
func (s *Server) running() string {
	names := make([]string, 0, 2)
	if calls := s.pipeline.running(); calls != "" {
		names = append(names, calls)
	}
	s.background.mu.Lock()
	defer s.background.mu.Unlock()
	return strings.Join(append(names, s.background.running...), ", ")
}

// watchTLS checks the files of the certificate until the server stops accepting calls: between
// handshakes nothing else would, and the health must not depend on them.
func (s *Server) watchTLS() {
	files := s.pipeline.tls.files
	if files == nil {
		return
	}
	s.health.setTLS(files.Check())
	s.goAwaited(func() {
		ticker := time.NewTicker(reload.Interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.health.setTLS(files.Check())
			case <-s.pipeline.drain.started:
				return
			}
		}
	})
}

// failAndStop shuts the server down, and makes Serve return err.
func (s *Server) failAndStop(err error) {
	s.fail(err)
	s.stop.Request(s.pipeline.drainDelay)
}
