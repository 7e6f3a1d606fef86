// Package reload keeps a value that is parsed from files up to date with the files.
//
// It has no goroutine: whoever uses the value checks the files, at most once per interval. It
// compares their contents instead of times or events of the file system, which are not reliable
// where Kubernetes swaps symbolic links or a file is written in place.
package reload

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Interval is how often the files are checked.
const Interval = time.Second

// MaxBytes is the size of the largest file.
const MaxBytes = 8 << 20

// Value is a value of type T that is parsed from files. Its methods may be called concurrently.
type Value[T any] struct {
	paths  []string
	parse  func(contents [][]byte) (T, error)
	notify func(error)

	current atomic.Pointer[T]
	failure atomic.Pointer[error] // err, for readers without the mutex
	checked atomic.Int64          // when, in nanoseconds since start
	start   time.Time

	mu   sync.Mutex
	sums []sum // of the contents that were parsed last; the contents may be secret
	err  error // what is wrong with the files; nil if current is their value
}

// Open reads the files and returns their value. parse gets the contents in the order of paths. It
// must return an error for contents that do not fit together, because files are replaced one after
// the other. It is called for the same contents again until it accepts them, so that it may depend
// on the time.
//
// notify is called with nil when the value has changed or is usable again, and with an error when
// files that changed cannot be used: once for each different error. The value then stays as it is.
// notify may be nil, and must not use the Value.
func Open[T any](
	parse func([][]byte) (T, error), notify func(error), paths ...string,
) (*Value[T], error) {
	if notify == nil {
		notify = func(error) {}
	}
	v := &Value[T]{paths: paths, parse: parse, notify: func(error) {}, start: time.Now()}
	if err := v.Check(); err != nil {
		return nil, err
	}
	v.notify = notify
	return v, nil
}

// Get returns the value. If the files have not been checked for an [Interval], it checks them
// first; concurrent callers do not wait for that.
func (v *Value[T]) Get() T {
	if int64(time.Since(v.start))-v.checked.Load() >= int64(Interval) && v.mu.TryLock() {
		v.check()
		v.mu.Unlock()
	}
	return *v.current.Load()
}

// Latest returns the value and what is wrong with the files, as the last check found them. It does
// not check them, so it never waits.
func (v *Value[T]) Latest() (value T, err error) {
	if failure := v.failure.Load(); failure != nil {
		err = *failure
	}
	return *v.current.Load(), err
}

// Check checks the files, and returns what is wrong with them: an error that names the file. It
// returns nil if [Value.Get] returns their value.
func (v *Value[T]) Check() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.check()
	return v.err
}

// check checks the files. The caller holds the mutex.
func (v *Value[T]) check() {
	defer func() { v.checked.Store(int64(time.Since(v.start))) }()
	contents, sums, err := v.readSettled()
	if err != nil {
		v.fail(err)
		return
	}
	if v.err == nil && slices.Equal(sums, v.sums) {
		return
	}
	v.sums = sums
	value, err := v.parse(contents)
	if err != nil {
		v.fail(err)
		return
	}
	v.err = nil
	v.current.Store(&value)
	v.failure.Store(nil)
	v.notify(nil)
}

// readSettled returns the contents of the files, and their sums. It reads contents that are new
// twice: a file that is written in place while it is read has a part of each version.
func (v *Value[T]) readSettled() (contents [][]byte, sums []sum, err error) {
	var before []sum
	for range 4 {
		if contents, err = read(v.paths); err != nil {
			return nil, nil, err
		}
		sums = sumsOf(contents)
		if slices.Equal(sums, v.sums) || slices.Equal(sums, before) {
			return contents, sums, nil
		}
		before = sums
	}
	return nil, nil, fmt.Errorf("%s: changes while it is read; replace it with a rename",
		strings.Join(v.paths, ", "))
}

// fail keeps an error, and reports it unless it is the one that was reported last.
func (v *Value[T]) fail(err error) {
	known := v.err != nil && v.err.Error() == err.Error()
	v.err = err
	v.failure.Store(&err)
	if !known {
		v.notify(err)
	}
}

// sum identifies the content of a file.
type sum [sha256.Size]byte

func sumsOf(contents [][]byte) []sum {
	sums := make([]sum, len(contents))
	for i, content := range contents {
		sums[i] = sha256.Sum256(content)
	}
	return sums
}

// read returns the contents of files.
func read(paths []string) ([][]byte, error) {
	contents := make([][]byte, len(paths))
	for i, path := range paths {
		var err error
		if contents[i], err = readFile(path); err != nil {
			return nil, err
		}
	}
	return contents, nil
}

// readFile returns the content of a regular file; a pipe would block.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if len(content) > MaxBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, MaxBytes)
	}
	return content, nil
}
