package workspace

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The size limits of files that users write, in bytes.
const (
	longestConfig = 1 << 20 // of a file read by its path, such as a policy file
	longestSource = 8 << 20 // of a file in a directory of the user
)

// ReadFile reads a file that a user wrote, by its path. It rejects anything but a regular file of
// at most longestConfig bytes.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err := checkRegular(path, info, err, longestConfig); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, longestConfig)) // files in /proc report a size of 0
}

// readRegular reads a file of the tree with the same checks and a limit of longestSource bytes.
func readRegular(tree fs.FS, at string, info fs.FileInfo, err error) ([]byte, error) {
	if err := checkRegular(at, info, err, longestSource); err != nil {
		return nil, err
	}
	return fs.ReadFile(tree, at)
}

// checkRegular returns an error unless the file is a regular file of at most longest bytes. The
// parameter err is the error of its stat.
func checkRegular(at string, info fs.FileInfo, err error, longest int64) error {
	if err == nil && (!info.Mode().IsRegular() || info.Size() > longest) {
		return fmt.Errorf("%s is not a regular file of at most %d bytes", at, longest)
	}
	return err
}
