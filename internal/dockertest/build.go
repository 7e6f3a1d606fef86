// Package dockertest executes Dockerfiles without docker. It follows the instructions that package
// deploy writes, in a copy of the build context.
package dockertest

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Image is what a Dockerfile builds.
type Image struct {
	// Root is the directory of the image's file system.
	Root string
	// Output is what the commands wrote.
	Output string
	// Err is the error of the command that failed.
	Err error
}

// Build carries out a Dockerfile. context is the directory that docker would copy, and args are
// build arguments.
func Build(t *testing.T, dockerfile, dockerignore []byte, context string, args map[string]string) Image {
	t.Helper()
	b := &builder{t: t, dir: t.TempDir(), context: context, ignore: patterns(dockerignore), given: args}
	for _, instruction := range Instructions(dockerfile) {
		if b.do(instruction[0], instruction[1]); b.image.Err != nil {
			break
		}
	}
	return b.image
}

// Instructions returns the instructions of a Dockerfile, each with its arguments, with their lines
// joined.
func Instructions(dockerfile []byte) (all [][2]string) {
	joined := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(string(dockerfile), "")
	for line := range strings.Lines(joined) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" && !strings.HasPrefix(name, "#") {
			all = append(all, [2]string{name, rest})
		}
	}
	return all
}

type builder struct {
	t       *testing.T
	dir     string // the file system of the build stage, of which only /src and /out are here
	context string
	ignore  []string
	given   map[string]string
	env     []string
	workdir string
	stages  int
	image   Image
}

var mounts = regexp.MustCompile(`--mount=\S+ `)

func (b *builder) do(name, rest string) {
	switch name {
	case "FROM":
		b.stages++
	case "ARG":
		arg, value, hasDefault := strings.Cut(rest, "=")
		if given, ok := b.given[arg]; ok {
			value, hasDefault = given, true
		}
		if hasDefault {
			b.env = append(b.env, arg+"="+value)
		}
	case "WORKDIR":
		b.workdir = filepath.Join(b.dir, rest)
		b.must(os.MkdirAll(b.workdir, 0o755))
	case "COPY":
		b.copy(rest)
	case "RUN":
		b.run(mounts.ReplaceAllString(rest, ""))
	case "USER", "EXPOSE", "ENTRYPOINT":
	default:
		b.t.Fatalf("dockertest does not know %s", name)
	}
}

func (b *builder) run(command string) {
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(command, "/out/", filepath.ToSlash(b.dir)+"/out/"))
	cmd.Dir = b.workdir
	if cmd.Dir == "" {
		cmd.Dir = b.dir
	}
	inherited := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GOWORK=") || strings.HasPrefix(v, "GOFLAGS=")
	})
	cmd.Env = append(append(inherited, "TARGETOS=linux", "TARGETARCH="+runtime.GOARCH), b.env...)
	out, err := cmd.CombinedOutput()
	b.image.Output += string(out)
	b.image.Err = err
}

func (b *builder) copy(args string) {
	switch {
	case b.stages == 2 && args == "--from=build /out/ /":
		b.image.Root = filepath.Join(b.dir, "out")
	case b.stages == 1 && args == ". /src/":
		b.must(copyTree(b.context, filepath.Join(b.dir, "src"), b.ignore))
	default:
		b.t.Fatalf("dockertest does not know COPY %s", args)
	}
}

func (b *builder) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// patterns returns the lines of a .dockerignore that matter.
func patterns(dockerignore []byte) (all []string) {
	for line := range strings.Lines(string(dockerignore)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// ignored reports whether docker does not copy a path of the context.
func ignored(name string, patterns []string) bool {
	for _, pattern := range patterns {
		subject := name
		if rest, anywhere := strings.CutPrefix(pattern, "**/"); anywhere {
			pattern, subject = rest, path.Base(name)
		}
		if ok, err := path.Match(pattern, subject); err == nil && ok {
			return true
		}
	}
	return false
}

func copyTree(from, to string, ignore []string) error {
	return filepath.WalkDir(from, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		switch name := filepath.ToSlash(rel); {
		case name != "." && ignored(name, ignore):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), content, 0o644)
	})
}

// WriteTree writes files by their slash-separated paths below a directory.
func WriteTree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(files[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
