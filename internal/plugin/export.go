package plugin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/grpcservice/grpcservice/proto"
)

// exportMark is the first line of an exported proto. A later export overwrites a file that starts
// with it.
const exportMark = "// Written by protoc-gen-grpcservice --export, which overwrites it. DO NOT EDIT.\n"

// export writes options.proto below dir, where buf and protoc find it.
func export(env Env, dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(proto.OptionsPath))
	if err := checkOurs(path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(exportMark+proto.Options), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "%s: wrote %s\n", name, path)
	return nil
}

// checkOurs returns an error if the file must not be overwritten, because it is neither an export
// nor a copy of the current proto.
func checkOurs(path string) error {
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	// git on Windows checks files out with \r\n by default.
	text := strings.ReplaceAll(string(content), "\r\n", "\n")
	switch {
	case strings.HasPrefix(text, exportMark), text == proto.Options:
		return nil
	default:
		return fmt.Errorf("%s exists and does not start with %q, so it is not overwritten; remove it, or name another directory",
			path, strings.TrimSuffix(exportMark, "\n"))
	}
}
