package client_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/connectivity"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/reload"
)

// serverFile is a file with servers, and a connection that follows it.
type serverFile struct {
	t    *testing.T
	path string
	conn *client.Conn
}

// followed dials a file with a content. It needs a bubble.
func followed(t *testing.T, content string, opts ...client.Option) serverFile {
	f := serverFile{t: t, path: filepath.Join(t.TempDir(), "servers")}
	if content != "" {
		f.write(content)
	}
	f.conn = dial(t, "file://"+f.path, append(opts, inMemory(t))...)
	return f
}

func (f serverFile) write(content string) {
	f.t.Helper()
	if err := os.WriteFile(f.path, []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// want checks what calls reach within the time that a change of a file may take.
func (f serverFile) want(want string) {
	f.t.Helper()
	time.Sleep(2 * time.Second)
	if got := called(f.t, f.conn); got != strings.ReplaceAll(want, "FILE", f.path) {
		f.t.Errorf("calls got %s, want %s", got, want)
	}
}

func TestFileOfServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged(t)
		f := followed(t, "# books\na:1\n\n  b:1 zone=x weight=3 # the big one\r\na:1\n")
		f.want("a:1 b:1")
		f.write("a:1\nb:1\nc:1\n")
		f.want("a:1 b:1 c:1")
		f.write("c:1")
		f.want("c:1")
		for _, content := range []string{"", "\n# nobody\n", "a:1\nb:", "a:1\nb:99999\n", "a:1 zone=x\na:1 zone=y\n"} {
			f.write(content)
			f.want("c:1")
		}
		if err := os.Remove(f.path); err != nil {
			t.Fatal(err)
		}
		f.want("c:1")
		time.Sleep(10 * time.Minute)
		f.write("d:1\n")
		f.want("d:1")
		for text, want := range map[string]int{
			"FILE: the file has no addresses; write one ":        1,
			`FILE:2: \"b:\": the port \"\" is not a number from`: 1,
			`FILE:2: \"b:99999\": the port \"99999\" is not a`:   1,
			`FILE:2: \"a:1\" is listed above with another zone`:  1,
			"stat FILE: no such file or directory":               1,
			"cannot resolve a target":                            5,
			"a target is resolved again":                         1,
		} {
			if n := strings.Count(log.String(), strings.ReplaceAll(text, "FILE", f.path)); n != want {
				t.Errorf("%d times %q, want %d, in\n%s", n, text, want, log)
			}
		}
	})
}

// TestFileWithoutServers checks that calls have the reason, until the file is usable.
func TestFileWithoutServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged(t)
		const prefix = `rpc error: code = Unavailable desc = cannot resolve "file://FILE": `
		f := followed(t, "")
		f.want(prefix + "stat FILE: no such file or directory")
		f.write("")
		f.want(prefix + `FILE: the file has no addresses; write one "host:port" per line`)
		f.write("# books\n\nbooks\n")
		f.want(prefix + `FILE:3: "books": missing port in address; write "host:port", and an IPv6 address in brackets`)
		f.write(strings.Repeat("#", reload.MaxBytes) + "\na:1\n")
		f.want(prefix + "FILE: larger than 8388608 bytes")
		if err := os.Remove(f.path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(f.path, 0o700); err != nil {
			t.Fatal(err)
		}
		f.want(prefix + "FILE: not a regular file")
		time.Sleep(time.Hour)
		if err := os.Remove(f.path); err != nil {
			t.Fatal(err)
		}
		f.write("a:1")
		f.want("a:1")
	})
}

// TestFileThatIsBeingWritten checks that the beginning of a port is not taken for one.
func TestFileThatIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged(t)
		f := followed(t, "a:1\n")
		f.want("a:1")
		for part := "b:1"; len(part) < 8; part += "0" {
			f.write(part) // shorter than the wait of the second look at it
			time.Sleep(400 * time.Millisecond)
			if got := called(t, f.conn); got != "a:1" {
				t.Errorf("after %q, calls got %s", part, got)
			}
		}
		f.write("b:10\n")
		f.want("b:10")
		if log.Len() > 0 {
			t.Errorf("logged %s", log)
		}
	})
}

// TestFileOfKubernetes replaces a symbolic link to a directory, as for a ConfigMap.
func TestFileOfKubernetes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		swap := func(version, content string) {
			t.Helper()
			err := os.Mkdir(filepath.Join(dir, version), 0o700)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, version, "servers"), []byte(content), 0o600)
			}
			if err == nil {
				err = os.Symlink(version, filepath.Join(dir, "..data_tmp"))
			}
			if err == nil {
				err = os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data"))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		swap("..1", "a:1")
		path := filepath.Join(dir, "servers")
		if err := os.Symlink(filepath.Join("..data", "servers"), path); err != nil {
			t.Fatal(err)
		}
		f := serverFile{t, path, dial(t, "file://"+path, inMemory(t))}
		f.want("a:1")
		swap("..2", "b:1")
		f.want("b:1")
	})
}

// TestFileOfAnIdleConnection checks that the servers outlast the resolver, which an idle connection
// has none of.
func TestFileOfAnIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged(t)
		f := followed(t, "a:1\n", client.WithIdleTimeout(time.Minute))
		f.want("a:1")
		f.write("oh no")
		time.Sleep(time.Hour)
		if got := f.conn.GetState(); got != connectivity.Idle {
			t.Errorf("the connection is %v", got)
		}
		f.want("a:1")
		time.Sleep(time.Hour)
		f.write("b:1\n")
		f.want("b:1")
	})
}
