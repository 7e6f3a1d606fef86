package jwtauth

import (
	"context"
	"log/slog"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/reload"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// source has the keys of the issuer.
type source interface {
	// current returns the keys to use, or nil if there are none. It does not wait.
	current(now time.Time) *keySet
	// newer returns the keys that replace old, for a token that old does not verify; old may be nil.
	// It returns old if there are no newer ones. It may wait for the network.
	newer(ctx context.Context, old *keySet, now time.Time) (*keySet, error)
	// start looks for newer keys in the background, if that is due.
	start(now time.Time)
	// ready waits for keys, and returns an error if there are none.
	ready(ctx context.Context, now time.Time) error
}

// fixed is a source whose keys do not change.
type fixed struct{ set *keySet }

func (f fixed) current(time.Time) *keySet { return f.set }

func (f fixed) newer(context.Context, *keySet, time.Time) (*keySet, error) { return f.set, nil }

func (fixed) start(time.Time) {}

func (fixed) ready(context.Context, time.Time) error { return nil }

// file is a source whose keys are those of a file.
type file struct{ value *reload.Value[*keySet] }

// openFile reads a key file.
func openFile(path string, log func() *slog.Logger) (*file, error) {
	var last *keySet
	parse := func(contents [][]byte) (*keySet, error) {
		set, skipped, err := parseKeyFile(contents[0])
		if err != nil {
			return nil, err
		}
		if len(skipped) > 0 {
			report.Log(func() {
				log().Warn("some keys of a file cannot be used", "file", path, "keys", skipped)
			})
		}
		set = set.after(last)
		set.retire(last)
		last = set
		return set, nil
	}
	notify := func(err error) {
		report.Log(func() {
			if err != nil {
				log().Error("the key file cannot be used; the keys stay as they are",
					"file", path, "error", err)
				return
			}
			log().Info("keys changed", "file", path, "keys", last.ids())
		})
	}
	value, err := reload.Open(parse, notify, path)
	if err != nil {
		return nil, err
	}
	return &file{value}, nil
}

func (f *file) current(time.Time) *keySet { return f.value.Get() }

func (f *file) newer(context.Context, *keySet, time.Time) (*keySet, error) {
	return f.value.Get(), nil
}

func (f *file) start(time.Time) { f.value.Get() }

func (f *file) ready(context.Context, time.Time) error { return f.value.Check() }
