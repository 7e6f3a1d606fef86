package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func newDir(t *testing.T, opts ...DirOption) (*Dir, string) {
	t.Helper()
	path := t.TempDir()
	d, err := OpenDir(path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, path
}

func openPart(t *testing.T, d *Dir, key Key) Part {
	t.Helper()
	part, err := d.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return part
}

func write(t *testing.T, part Part, text string) {
	t.Helper()
	if _, err := part.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// counted compares what a Dir has counted with what is on disk.
func counted(t *testing.T, d *Dir, path string) {
	t.Helper()
	var want usage
	if err := filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			want.bytes, want.files = want.bytes+info.Size(), want.files+1
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var users usage
	for _, u := range d.users {
		users.bytes, users.files = users.bytes+u.bytes, users.files+u.files
	}
	if d.used != want || users != want {
		t.Errorf("counted %+v, %+v of users, want %+v", d.used, users, want)
	}
}

// TestTakenOverWhileItIsRead takes an upload over whose call reads the whole file: the file that it
// reads stays what it was.
func TestTakenOverWhileItIsRead(t *testing.T) {
	for name, take := range map[string]func(t *testing.T, part Part){
		"from its start": func(t *testing.T, part Part) {
			if err := part.Reset(); err != nil {
				t.Fatal(err)
			}
			write(t, part, "xyz")
		},
		"resumed": func(t *testing.T, part Part) { write(t, part, "xyz") },
	} {
		t.Run(name, func(t *testing.T) {
			d, path := newDir(t)
			first := openPart(t, d, Key{Name: "a"})
			write(t, first, "0123456789")
			reader, err := first.Reader()
			if err != nil {
				t.Fatal(err)
			}
			whole := &wholePart{reader, first.Offset()} // as stage has it
			second := openPart(t, d, Key{Name: "a"})
			take(t, second)
			if got, err := io.ReadAll(whole); string(got) != "0123456789" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			_ = whole.Close()
			if _, err := first.Reader(); status.Code(err) != codes.Aborted {
				t.Errorf("Reader of a lost part: %v", err)
			}
			if err := first.Reset(); status.Code(err) != codes.Aborted {
				t.Errorf("Reset of a lost part: %v", err)
			}
			if err := first.Discard(); err != nil {
				t.Error(err)
			}
			counted(t, d, path)
			if err := second.Discard(); err != nil {
				t.Error(err)
			}
			counted(t, d, path)
		})
	}
}

// TestCountsWhileSwept sweeps while parts are written, taken over, emptied, kept and discarded.
func TestCountsWhileSwept(t *testing.T) {
	d, path := newDir(t)
	var writers sync.WaitGroup
	for i := range 64 {
		writers.Go(func() {
			for j := range 20 {
				key := Key{Principal: fmt.Sprint(i % 5), Name: fmt.Sprint(i % 24)}
				part, err := d.Open(context.Background(), key)
				if err != nil {
					t.Error(err)
					return
				}
				for range 5 {
					_, _ = part.Write(make([]byte, 100+i))
				}
				switch (i + j) % 4 {
				case 0:
					_ = part.Reset()
					_ = part.Close()
				case 1:
					_ = part.Discard()
				default:
					_ = part.Close()
				}
			}
		})
	}
	done := make(chan struct{})
	var sweeper sync.WaitGroup
	sweeper.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				d.mu.Lock()
				if err := d.sweep(); err != nil {
					t.Error(err)
				}
				d.mu.Unlock()
			}
		}
	})
	writers.Wait()
	close(done)
	sweeper.Wait()
	counted(t, d, path)
}

// TestSweepDuringWrite sweeps between the moments at which a write is counted and is done.
func TestSweepDuringWrite(t *testing.T) {
	d, path := newDir(t)
	part := openPart(t, d, Key{Name: "a"}).(*dirPart)
	if err := part.reserve(10); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	if err := d.sweep(); err != nil {
		t.Error(err)
	}
	d.mu.Unlock()
	if _, err := part.write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	counted(t, d, path)
	_ = part.Close()
	counted(t, d, path)
}

// TestDamagedStaging changes the directory while a Dir uses it.
func TestDamagedStaging(t *testing.T) {
	t.Run("a file that was deleted", func(t *testing.T) {
		d, path := newDir(t)
		part := openPart(t, d, Key{Name: "a"})
		write(t, part, "abc")
		if err := os.Remove(filepath.Join(path, pathOf(Key{Name: "a"}))); err != nil {
			t.Fatal(err)
		}
		if err := part.Discard(); err != nil {
			t.Errorf("Discard of a deleted file: %v", err)
		}
		counted(t, d, path)
	})
	t.Run("a directory instead of a file", func(t *testing.T) {
		d, path := newDir(t)
		if err := os.MkdirAll(filepath.Join(path, pathOf(Key{Name: "a"})), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Open(t.Context(), Key{Name: "a"}); status.Code(err) != codes.Internal {
			t.Errorf("got %v", err)
		}
		counted(t, d, path)
	})
	t.Run("a link out of it", func(t *testing.T) {
		d, path := newDir(t)
		outside := filepath.Join(t.TempDir(), "outside")
		if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = os.Mkdir(filepath.Join(path, dirOf("")), 0o700)
		if err := os.Symlink(outside, filepath.Join(path, pathOf(Key{Name: "a"}))); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Open(t.Context(), Key{Name: "a"}); status.Code(err) != codes.Internal {
			t.Errorf("got %v", err)
		}
		if got, _ := os.ReadFile(outside); string(got) != "secret" {
			t.Errorf("outside has %q", got)
		}
	})
	t.Run("a directory that was removed", func(t *testing.T) {
		d, path := newDir(t)
		part := openPart(t, d, Key{Name: "a"})
		write(t, part, "abc")
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if got, err := part.Reader(); err == nil {
			_ = got.Close()
		}
		_ = part.Close()
		if _, err := d.Open(t.Context(), Key{Name: "b"}); status.Code(err) != codes.Internal {
			t.Errorf("got %v", err)
		}
	})
}

// TestSweepRemovesEmptyDirectories has uploads of principals that do not come back.
func TestSweepRemovesEmptyDirectories(t *testing.T) {
	d, path := newDir(t)
	now := time.Now()
	d.now = func() time.Time { return now }
	for i := range 3 {
		part := openPart(t, d, Key{Principal: fmt.Sprint(i), Name: "a"})
		if i == 0 {
			write(t, part, "abc")
			_ = part.Close()
		} else if err := part.Discard(); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(2 * sweepInterval)
	_ = openPart(t, d, Key{Principal: "0", Name: "a"}).Close()
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != 1 {
		t.Errorf("got %d directories, %v, want 1", len(entries), err)
	}
	counted(t, d, path)
}

// TestCountsAfterFailures checks that the counts are right at once after another program has
// deleted what a part needs.
func TestCountsAfterFailures(t *testing.T) {
	for name, test := range map[string]struct {
		use func(part Part) error
		end func(part Part) error
	}{
		"Reset, Close":   {Part.Reset, Part.Close},
		"Reset, Discard": {Part.Reset, Part.Discard},
		"Close":          {func(Part) error { return errors.ErrUnsupported }, Part.Close},
	} {
		t.Run(name, func(t *testing.T) {
			d, path := newDir(t)
			part, other := openPart(t, d, Key{Name: "a"}), openPart(t, d, Key{Principal: "ada", Name: "b"})
			write(t, part, "0123456789")
			write(t, other, "01234")
			if err := os.RemoveAll(filepath.Join(path, dirOf(""))); err != nil {
				t.Fatal(err)
			}
			if err := test.use(part); err == nil {
				t.Error("no error although the directory is gone")
			}
			if err := test.end(part); err != nil {
				t.Error(err)
			}
			counted(t, d, path)
			if err := other.Discard(); err != nil {
				t.Error(err)
			}
			counted(t, d, path)
			write(t, openPart(t, d, Key{Name: "a"}), "0")
			counted(t, d, path)
		})
	}
}

// TestCountsAfterAFailedDiscard checks that a part that cannot be deleted still counts.
func TestCountsAfterAFailedDiscard(t *testing.T) {
	d, path := newDir(t)
	part := openPart(t, d, Key{Name: "a"})
	write(t, part, "0123456789")
	file := filepath.Join(path, pathOf(Key{Name: "a"}))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(file, "full"), 0o700); err != nil { // cannot be removed
		t.Fatal(err)
	}
	if err := part.Discard(); err == nil {
		t.Error("no error although the file cannot be deleted")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.used.files != 1 {
		t.Errorf("%d files count, want 1", d.used.files)
	}
}

// TestFullDisk has writes fail as on a full disk: the call fails with a reason on which clients
// wait, and nothing is counted that was not written.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no device that is always full: ", err)
	}
	d, path := newDir(t)
	part := openPart(t, d, Key{Name: "a"}).(*dirPart)
	write(t, part, "abc")
	kept := part.file
	part.file = full
	for range 2 {
		_, err = part.Write([]byte("de"))
		if status.Code(err) != codes.ResourceExhausted || rpcerr.ReasonOf(err) != ReasonStagingFull || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v", err)
		}
	}
	part.file = kept
	if err := errors.Join(part.Close(), full.Close()); err != nil {
		t.Error(err)
	}
	counted(t, d, path)
	if again := openPart(t, d, Key{Name: "a"}); again.Offset() != 3 {
		t.Errorf("the part has %d bytes, want 3", again.Offset())
	}
}
