package workspace

import (
	"fmt"
	"io/fs"
	"runtime"
	"strings"
)

const onWindows = runtime.GOOS == "windows"

// diskFS is what os.DirFS returns.
type diskFS interface {
	fs.StatFS
	fs.ReadFileFS
	fs.ReadDirFS
	fs.ReadLinkFS
}

// disk is a volume of this machine: the only one, or such as C: on Windows.
type disk struct {
	diskFS
	volume string
}

// volumeOf returns the volume of a tree, or "".
func volumeOf(tree fs.FS) string {
	d, _ := tree.(disk)
	return d.volume
}

// splitVolume splits a path into its volume, such as C: or //host/share, and the rest with slashes.
// Only Windows has volumes, and takes a backslash for a slash.
func splitVolume(path string, windows bool) (volume, rest string) {
	if !windows {
		return "", path
	}
	path = strings.ReplaceAll(path, `\`, "/")
	for _, prefix := range []string{"//?/UNC/", "//?/", "//./"} { // of extended-length paths
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			if path = rest; prefix == "//?/UNC/" {
				path = "//" + rest
			}
			break
		}
	}
	if len(path) >= 2 && path[1] == ':' {
		return path[:2], path[2:]
	}
	if unc, ok := strings.CutPrefix(path, "//"); ok {
		host, rest, _ := strings.Cut(unc, "/")
		share, rest, more := strings.Cut(rest, "/")
		if more {
			rest = "/" + rest
		}
		return "//" + host + "/" + share, rest
	}
	return "", path
}

// linkTarget returns the target of a symbolic link with slashes and without its volume, or an error
// if it is on another volume than the link.
func linkTarget(target, volume string, windows bool) (string, error) {
	on, rest := splitVolume(target, windows)
	if on != "" && !strings.EqualFold(on, volume) {
		return "", fmt.Errorf("a symbolic link leads to the volume %s", on)
	}
	if on != "" && !strings.HasPrefix(rest, "/") && len(on) == 2 {
		return "", fmt.Errorf("a symbolic link leads to %s, which depends on the working directory of the volume", target)
	}
	return rest, nil
}
