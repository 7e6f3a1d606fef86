package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/grpcservice/grpcservice/internal/dockertest"
)

// TestImageHasWhatProgramsExpect runs a program in the file system of the image, as the image's
// user, with what a container runtime adds: /etc/hosts, and HOME from /etc/passwd. Only /tmp is
// writable, as with readOnlyRootFilesystem.
func TestImageHasWhatProgramsExpect(t *testing.T) {
	app := shop()
	context := t.TempDir()
	probe, err := os.ReadFile("testdata/probe/main.go")
	if err != nil {
		t.Fatal(err)
	}
	dockertest.WriteTree(t, context, map[string]string{"go.mod": "module example.com/probe\n\ngo 1.25.0\n", app.Command + "/main.go": string(probe)})
	files := filesOf(t, app)
	image := dockertest.Build(t, files["Dockerfile"], files["Dockerfile.dockerignore"], context, nil)
	if image.Err != nil {
		t.Fatalf("%v\n%s", image.Err, image.Output)
	}
	dockertest.WriteTree(t, image.Root, map[string]string{"etc/hosts": "127.0.0.1 localhost\n127.0.0.2 neighbour\n"})
	for at := image.Root; at != "/" && at != "."; at = filepath.Dir(at) { // t.TempDir is owner-only
		info, err := os.Stat(at)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o001 == 0 {
			if err := os.Chmod(at, info.Mode()|0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	passwd, err := os.ReadFile(filepath.Join(image.Root, "etc/passwd"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/server")
	cmd.Dir = "/"
	cmd.Env = []string{"HOME=" + homeOf(t, string(passwd), "65532"), "TZ=Asia/Tokyo"}
	cmd.SysProcAttr = inside(image.Root)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// inside returns the attributes of a process that runs as the image's user with root as its root
// directory. A non-root caller needs a user namespace.
func inside(root string) *syscall.SysProcAttr {
	const user = 65532
	attr := &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: user, Gid: user, NoSetGroups: true}}
	if os.Getuid() != 0 {
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// homeOf returns the home directory of a user in a passwd file.
func homeOf(t *testing.T, passwd, uid string) string {
	t.Helper()
	for line := range strings.Lines(passwd) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) == 7 && fields[2] == uid {
			return fields[5]
		}
	}
	t.Fatalf("user %s is not in\n%s", uid, passwd)
	return ""
}
