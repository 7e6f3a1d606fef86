package upload

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"google.golang.org/grpc/codes"
)

// dirPart is a [Part] in a file.
type dirPart struct {
	dir  *Dir
	path string
	// counted is how many bytes dir has counted for the part: size, and those of a write that is
	// running. dir.mu guards it.
	counted int64

	mu   sync.Mutex // held while the file is used, so that another call takes it over between two writes
	file *os.File   // nil after the part was lost or closed
	size int64
}

var errTakenOver = ReasonTakenOver.Errorf(codes.Aborted, "another call has resumed the upload").Fixed()

// lose ends what a call can do with the part.
func (p *dirPart) lose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		_ = p.file.Close() // the next call syncs it
		p.file = nil
	}
}

func (p *dirPart) Offset() int64 { return p.size }

func (p *dirPart) Write(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	if err := p.reserve(int64(len(data))); err != nil {
		return 0, err
	}
	n, err := p.write(data)
	if n < len(data) {
		p.release(int64(len(data) - n))
	}
	return n, err
}

// reserve counts n bytes before they are written.
func (p *dirPart) reserve(n int64) error {
	p.dir.mu.Lock()
	defer p.dir.mu.Unlock()
	if p.dir.parts[p.path] != p {
		return errTakenOver
	}
	if err := p.dir.reserve(p.path, n, 0); err != nil {
		return err
	}
	p.counted += n
	return nil
}

// release gives back n bytes that were counted, unless the call that took the part over has counted
// its bytes anew.
func (p *dirPart) release(n int64) {
	p.dir.mu.Lock()
	defer p.dir.mu.Unlock()
	if p.dir.parts[p.path] == p {
		p.dir.add(p.path, -n, 0)
		p.counted -= n
	}
}

func (p *dirPart) write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return 0, errTakenOver
	}
	n, err := p.file.WriteAt(data, p.size)
	p.size += int64(n)
	if err != nil {
		return n, stagingError(err)
	}
	return n, nil
}

func (p *dirPart) Reset() error {
	size, err := p.replace()
	p.release(size)
	return err
}

// replace starts a new file, because the call that had the part before may still read the old one.
// It returns how many bytes that had.
func (p *dirPart) replace() (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return 0, errTakenOver
	}
	if p.size == 0 {
		return 0, nil
	}
	if err := ignoreMissing(p.dir.root.Remove(p.path)); err != nil {
		return 0, stagingError(err)
	}
	file, err := p.dir.root.OpenFile(p.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		_ = p.file.Close() // it is deleted, so nothing may be written to it
		p.file = nil
		return 0, stagingError(err)
	}
	_ = p.file.Close() // it is deleted
	size := p.size
	p.file, p.size = file, 0
	return size, nil
}

func (p *dirPart) Reader() (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return nil, errTakenOver
	}
	file, err := p.dir.root.Open(p.path)
	if err != nil {
		return nil, stagingError(err)
	}
	return file, nil
}

func (p *dirPart) Discard() error {
	return p.end(func() error {
		return errors.Join(ignoreMissing(p.dir.root.Remove(p.path)), p.recount())
	})
}

func (p *dirPart) Close() error { return p.end(p.recount) }

// recount counts what is on disk of a part that is not used any more: nothing, if its call deleted
// it, or if the call could not replace it.
func (p *dirPart) recount() error {
	info, err := p.dir.root.Lstat(p.path)
	switch {
	case err == nil:
		p.dir.add(p.path, info.Size()-p.counted, 0)
	case errors.Is(err, fs.ErrNotExist):
		p.dir.add(p.path, -p.counted, -1)
		err = nil
	}
	return err
}

// end closes the part if the call still has it, and then calls then, before another call can open
// it.
func (p *dirPart) end(then func() error) error {
	p.dir.mu.Lock()
	defer p.dir.mu.Unlock()
	if p.dir.parts[p.path] != p {
		return nil
	}
	delete(p.dir.parts, p.path)
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.file != nil { // nil if the call that took it over could not open it
		err = p.file.Close()
		p.file = nil
	}
	if err = errors.Join(err, then()); err != nil {
		return stagingError(err)
	}
	return nil
}
