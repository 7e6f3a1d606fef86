package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// serveREST serves handler on lis until ctx ends, and then as long as requests are running, at most
// for grace.
func serveREST(
	ctx context.Context, lis net.Listener, handler http.Handler, grace time.Duration,
) error {
	front := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- front.Serve(lis) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return errors.Join(front.Shutdown(ending), front.Close())
}

// bounded limits the size of bodies and the time of clients that send or read slowly. The timeouts
// of an http.Server would end streams as well.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		if r.Body != http.NoBody {
			_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout))
			r.Body = http.MaxBytesReader(w, &timedBody{r.Body, rc}, maxBody)
		}
		next.ServeHTTP(timedWriter{w, rc}, r)
	})
}

// timedBody ends the time limit for the body when it has been read.
type timedBody struct {
	io.ReadCloser
	rc *http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

// timedWriter limits the time for each write.
type timedWriter struct {
	http.ResponseWriter
	rc *http.ResponseController
}

func (w timedWriter) Write(p []byte) (int, error) {
	_ = w.rc.SetWriteDeadline(time.Now().Add(sendTimeout))
	return w.ResponseWriter.Write(p)
}

// Unwrap lets an [http.ResponseController] flush.
func (w timedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
