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

// exportMark is the first line of an exported proto. A file that begins with it is ours to write again.
const exportMark = "// Written by protoc-gen-grpcservice --export, which overwrites it. DO NOT EDIT.\n"

// export writes the proto of the options below a directory, where buf and protoc find it.
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

// checkOurs says why a file must not be overwritten: it is neither an export nor a copy of the proto as it is now.
func checkOurs(path string) error {
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case strings.HasPrefix(string(content), exportMark), string(content) == proto.Options:
		return nil
	default:
		return fmt.Errorf("%s exists and does not start with %q, so it is not overwritten; remove it, or name another directory",
			path, strings.TrimSuffix(exportMark, "\n"))
	}
}
