package plugin

import (
	"fmt"
	"io"
	"os"
)

// ReadFile reads a file that a person wrote: no device, and nothing that is too big to be one.
func ReadFile(path string) ([]byte, error) {
	const longest = 1 << 20
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > longest {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", path, longest)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, longest))
}
