package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Disk is a small file system in memory.
type Disk struct{ Dir string }

// MountDisk mounts a file system of a number of bytes on dir. Only root may.
func MountDisk(dir string, bytes int) (*Disk, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("only root can mount a file system")
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0755",
		bytes)); err != nil {
		return nil, fmt.Errorf("mount a tmpfs on %s: %w", dir, err)
	}
	return &Disk{Dir: dir}, nil
}

// Fill fills the disk until nothing can be written.
func (d *Disk) Fill() error {
	file, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	for block := make([]byte, 1<<20); len(block) > 512; {
		if _, err := file.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Free removes what Fill wrote.
func (d *Disk) Free() error {
	if err := os.Remove(d.filler()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (d *Disk) filler() string { return filepath.Join(d.Dir, "filler") }

// Close unmounts the disk, also while it is in use.
func (d *Disk) Close() error { return syscall.Unmount(d.Dir, syscall.MNT_DETACH) }
