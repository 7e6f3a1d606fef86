package reload_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/reload"
)

// write replaces a file in place.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// pair parses two files that fit together if they are equal.
func pair(contents [][]byte) (string, error) {
	if a, b := string(contents[0]), string(contents[1]); a != b {
		return "", errors.New("a is " + a + ", b is " + b)
	}
	return string(contents[0]), nil
}

func TestKeepsValueUntilFilesFit(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "1")
	if _, err := reload.Open(pair, nil, a, b); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	write(t, b, "1")
	var notes []string
	value, err := reload.Open(pair, func(err error) {
		if err == nil {
			err = errors.New("changed")
		}
		notes = append(notes, err.Error())
	}, a, b)
	if err != nil {
		t.Fatal(err)
	}
	check := func(want string, ok bool) {
		t.Helper()
		if err := value.Check(); (err == nil) != ok {
			t.Errorf("Check: %v, want ok %v", err, ok)
		}
		if got := value.Get(); got != want {
			t.Errorf("Get = %q, want %q", got, want)
		}
	}
	check("1", true)
	write(t, a, "2") // the other follows later
	check("1", false)
	check("1", false)
	write(t, b, "2")
	check("2", true)
	if err := os.Remove(b); err != nil {
		t.Fatal(err)
	}
	check("2", false)
	write(t, b, "2") // the same again
	check("2", true)
	write(t, b, string(make([]byte, reload.MaxBytes+1)))
	check("2", false)
	want := []string{"a is 2, b is 1", "changed", "stat " + b + ": no such file or directory", "changed",
		b + ": larger than 8388608 bytes"}
	if !slices.Equal(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

// TestFollowsSymbolicLinks swaps directories as Kubernetes updates a mounted Secret.
func TestFollowsSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	publish := func(version string) {
		t.Helper()
		data := filepath.Join(dir, version)
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(data, "a"), version)
		if err := os.Symlink(version, filepath.Join(dir, "..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	publish("1")
	path := filepath.Join(dir, "a")
	if err := os.Symlink(filepath.Join("..data", "a"), path); err != nil {
		t.Fatal(err)
	}
	value, err := reload.Open(func(c [][]byte) (string, error) { return string(c[0]), nil }, nil, path)
	if err != nil {
		t.Fatal(err)
	}
	publish("2")
	if err := value.Check(); err != nil || value.Get() != "2" {
		t.Errorf("after the swap: %q, %v", value.Get(), err)
	}
	if _, err := reload.Open(func([][]byte) (int, error) { return 0, nil }, nil, dir); err == nil {
		t.Error("a directory is accepted")
	}
}

// TestGetChecks reads the value while the file changes, without a call of Check.
func TestGetChecks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	write(t, path, "1")
	value, err := reload.Open(func(c [][]byte) (string, error) { return string(c[0]), nil }, nil, path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "2")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for start := time.Now(); value.Get() != "2"; time.Sleep(time.Millisecond) {
				if time.Since(start) > 30*time.Second {
					t.Error("the change is not noticed")
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestAcceptsWhatBecomesUsable parses the same contents again, whose use depends on the time.
func TestAcceptsWhatBecomesUsable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	write(t, path, "1")
	early := false
	notes := 0
	value, err := reload.Open(func(c [][]byte) (string, error) {
		if early {
			return "", errors.New("not valid yet")
		}
		return string(c[0]), nil
	}, func(error) { notes++ }, path)
	if err != nil {
		t.Fatal(err)
	}
	early = true
	write(t, path, "2")
	for range 3 {
		if err := value.Check(); err == nil || value.Get() != "1" {
			t.Errorf("too early: %q, %v", value.Get(), err)
		}
	}
	early = false
	if err := value.Check(); err != nil || value.Get() != "2" || notes != 2 {
		t.Errorf("in time: %q, %v, %d notes", value.Get(), err, notes)
	}
}

// TestFilesThatAreWrittenInPlace reads a file while it is written: it never has a part of each
// version.
func TestFilesThatAreWrittenInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	version := func(letter byte) string { return strings.Repeat(string(letter), int(letter-'a'+1)<<14) }
	write(t, path, version('a'))
	value, err := reload.Open(func(contents [][]byte) (byte, error) {
		text := contents[0]
		if len(text) == 0 {
			return 0, errors.New("empty")
		}
		if first, last := text[0], text[len(text)-1]; first != last {
			t.Errorf("the file starts with %c and ends with %c", first, last)
		}
		return text[0], nil
	}, nil, path)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for letter := byte('a'); ; letter = 'a' + (letter-'a'+1)%26 {
			select {
			case <-stop:
				return
			default:
				_ = os.WriteFile(path, []byte(version(letter)), 0o600)
			}
		}
	})
	for range 3_000 {
		_ = value.Check() // often in the middle of a write
	}
	close(stop)
	wg.Wait()
	write(t, path, version('z'))
	if err := value.Check(); err != nil || value.Get() != 'z' {
		t.Errorf("after the last write: %c, %v", value.Get(), err)
	}
}
