package workspace

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The longest files that a person may have written.
const (
	longestConfig = 1 << 20 // read by its path: a policy file
	longestSource = 8 << 20 // of a directory of the user
)

// ReadFile reads a file that a person wrote, by its path: no device, and nothing that is too big
// to be one.
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
	return io.ReadAll(io.LimitReader(file, longestConfig)) // a file of /proc says that it is empty
}

// readRegular reads a file of the tree by the same rule.
func readRegular(tree fs.FS, at string, info fs.FileInfo, err error) ([]byte, error) {
	if err := checkRegular(at, info, err, longestSource); err != nil {
		return nil, err
	}
	return fs.ReadFile(tree, at)
}

// checkRegular returns an error for a file that a person did not write; err is that of its stat.
func checkRegular(at string, info fs.FileInfo, err error, longest int64) error {
	if err == nil && (!info.Mode().IsRegular() || info.Size() > longest) {
		return fmt.Errorf("%s is not a regular file of at most %d bytes", at, longest)
	}
	return err
}
