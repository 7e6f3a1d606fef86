package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
)

// Defaults of a [Dir].
const (
	DefaultStagingBytes = 10 << 30
	DefaultStagingFiles = 10_000
	DefaultStagingAge   = 24 * time.Hour
)

// Dir is a [Staging] area in a directory. It limits the bytes and files that it holds, and gives
// one principal at most a quarter of each. One process uses the directory at a time; what it holds
// survives the process.
type Dir struct {
	root  *os.Root
	bytes int64
	files int
	age   time.Duration
	now   func() time.Time
	name  string

	rejected atomic.Int64
	reported atomic.Pointer[usage] // by Collect

	mu    sync.Mutex
	used  usage
	users map[string]usage // by directory
	parts map[string]*dirPart
	swept time.Time
}

// usage is how much is held.
type usage struct {
	bytes int64
	files int
}

// DirOption configures a [Dir].
type DirOption func(*Dir)

// WithStagingBytes sets how many bytes the directory holds at most, instead of
// [DefaultStagingBytes].
func WithStagingBytes(n int64) DirOption { return func(d *Dir) { d.bytes = n } }

// WithStagingFiles sets how many files the directory holds at most, instead of
// [DefaultStagingFiles].
func WithStagingFiles(n int) DirOption { return func(d *Dir) { d.files = n } }

// WithStagingAge sets how long a file is kept after its last chunk, instead of [DefaultStagingAge].
func WithStagingAge(age time.Duration) DirOption { return func(d *Dir) { d.age = age } }

// WithStagingName names the directory: the label "name" of its metrics, "" by default. The metrics
// of directories with the same name are added up.
func WithStagingName(name string) DirOption { return func(d *Dir) { d.name = name } }

// OpenDir opens a staging area, and creates the directory if it does not exist. It ignores files in
// the directory that are not its own.
func OpenDir(path string, opts ...DirOption) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{root: root, bytes: DefaultStagingBytes, files: DefaultStagingFiles, age: DefaultStagingAge, now: time.Now, parts: map[string]*dirPart{}}
	for _, opt := range opts {
		opt(d)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.sweep(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return d, nil
}

// Close closes the directory. Parts must be closed before.
func (d *Dir) Close() error { return d.root.Close() }

// dirOf returns the directory of a principal, and pathOf the file of an upload. Both are hashes:
// names come from clients.
func dirOf(principal string) string {
	sum := sha256.Sum256([]byte(principal))
	return hex.EncodeToString(sum[:hashBytes])
}

// hashBytes is the length of the hash that names a principal's directory.
const hashBytes = 16

// isHash reports whether name is that of a hash with a number of bytes.
func isHash(name string, bytes int) bool {
	hash, err := hex.DecodeString(name)
	return err == nil && len(hash) == bytes
}

func pathOf(key Key) string {
	h := sha256.New()
	for _, text := range []string{key.Method, key.Name, strconv.FormatInt(key.Size, 10), key.Checksum} {
		fmt.Fprintf(h, "%d:%s,", len(text), text)
	}
	return filepath.Join(dirOf(key.Principal), hex.EncodeToString(h.Sum(nil)))
}

// sweepInterval is how often old files are looked for, at most.
const sweepInterval = time.Minute

// sweep counts what the directory holds. It deletes files that are old and not in use, and
// directories of principals that have no files. If it fails, the counts stay what they were.
func (d *Dir) sweep() error {
	used, users := d.used, d.users
	d.swept, d.used, d.users = d.now(), usage{}, map[string]usage{}
	for path, part := range d.parts {
		d.add(path, part.counted, 1)
	}
	var dirs []string
	err := fs.WalkDir(d.root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || path == ".":
			return ignoreMissing(err)
		case entry.IsDir() && !isHash(path, hashBytes):
			return fs.SkipDir
		case entry.IsDir():
			dirs = append(dirs, path)
			return nil
		case !isHash(entry.Name(), sha256.Size):
			return nil
		}
		return ignoreMissing(d.visit(filepath.FromSlash(path), entry))
	})
	if err != nil {
		d.used, d.users = used, users
		return err
	}
	for _, dir := range dirs {
		if d.users[dir] == (usage{}) {
			_ = d.root.Remove(dir) // fails if it holds files that are not ours
		}
	}
	return nil
}

// visit counts a file, or deletes it if it is old.
func (d *Dir) visit(path string, entry fs.DirEntry) error {
	if d.parts[path] != nil {
		return nil // is counted
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if d.now().Sub(info.ModTime()) > d.age {
		return d.root.Remove(path)
	}
	d.add(path, info.Size(), 1)
	return nil
}

// ignoreMissing returns err, or nil if it reports a file that another program has deleted.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// add counts bytes and files of the principal of a path.
func (d *Dir) add(path string, bytes int64, files int) {
	user := filepath.Dir(path)
	u := d.users[user]
	u.bytes, u.files = u.bytes+bytes, u.files+files
	if d.users[user] = u; u == (usage{}) {
		delete(d.users, user)
	}
	d.used.bytes, d.used.files = d.used.bytes+bytes, d.used.files+files
}

// stagingError returns the error of a call for an error of the file system: RESOURCE_EXHAUSTED for
// a full disk, as for a full [Dir], and INTERNAL for others, described in the log.
func stagingError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return ReasonStagingFull.Errorf(codes.ResourceExhausted, "the server has no room for unfinished uploads; try again later").
			WithRetryAfter(sweepInterval).WithCause(err)
	}
	return misuse("staging: %w", err)
}

// reserve counts bytes and files, unless there is no room for them.
func (d *Dir) reserve(path string, bytes int64, files int) error {
	u := d.users[filepath.Dir(path)]
	switch {
	case d.used.bytes+bytes > d.bytes || d.used.files+files > d.files:
		d.rejected.Add(1)
		return ReasonStagingFull.Errorf(codes.ResourceExhausted, "the server holds too many unfinished uploads; try again later").
			WithRetryAfter(sweepInterval)
	case u.bytes+bytes > d.bytes/4 || u.files+files > max(d.files/4, 1):
		d.rejected.Add(1)
		return ReasonStagingFull.Errorf(codes.ResourceExhausted, "the caller has too many unfinished uploads; finish some of them first").
			WithRetryAfter(sweepInterval)
	}
	d.add(path, bytes, files)
	return nil
}

// Open implements [Staging].
func (d *Dir) Open(_ context.Context, key Key) (Part, error) {
	path := pathOf(key)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now().Sub(d.swept) > sweepInterval {
		if err := d.sweep(); err != nil {
			return nil, stagingError(err)
		}
	}
	other := d.parts[path]
	if other != nil {
		other.lose()
	}
	part, err := d.open(path, other != nil)
	if err != nil {
		return nil, err
	}
	if other != nil {
		d.add(path, part.size-other.counted, 0)
	}
	d.parts[path] = part
	return part, nil
}

// open opens the file at a path, or creates and counts it unless it is counted already.
func (d *Dir) open(path string, counted bool) (*dirPart, error) {
	if err := d.root.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, stagingError(err)
	}
	_, err := d.root.Lstat(path)
	created := errors.Is(err, fs.ErrNotExist) && !counted
	if created {
		if err := d.reserve(path, 0, 1); err != nil {
			return nil, err
		}
	}
	part, err := d.openFile(path)
	if err != nil && created {
		d.add(path, 0, -1)
	}
	return part, err
}

func (d *Dir) openFile(path string) (*dirPart, error) {
	file, err := d.root.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, stagingError(err)
	}
	// The offset that the client learns must survive a crash.
	size, err := file.Seek(0, io.SeekEnd)
	if err = errors.Join(err, file.Sync()); err != nil {
		return nil, stagingError(errors.Join(err, file.Close()))
	}
	return &dirPart{dir: d, path: path, counted: size, file: file, size: size}, nil
}
