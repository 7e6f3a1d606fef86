package deploy

import (
	"path"
	"slices"
	"strings"
)

// user is the ID of the user that runs the program, in the image and in the pod. It is numeric
// because Kubernetes can verify only numeric user IDs as non-root.
const user = 65532

// dockerfile returns the Dockerfile of app. It requires BuildKit. Its context is the module, or the
// directory that contains the module and everything that its build reads.
//
// The Dockerfile does not download modules in a separate layer: the layer would be empty, because
// modules are in a cache mount, and it would need every file that go.mod refers to.
func dockerfile(app App) []byte {
	return []byte(strings.Join(slices.Concat(dockerArgs(app), buildStage(app), imageStage(app)), "\n") + "\n")
}

// dockerArgs starts a Dockerfile, with the images that it builds from.
func dockerArgs(app App) []string {
	return []string{
		"# Builds " + app.Name + ". " + whereToBuild(app) + ":",
		"#",
		"#     docker build -f " + path.Join(app.Module, app.Dir) + "/Dockerfile -t " + app.Image + " .",
		"#",
		"# To use your own images or your mirror: --build-arg GO_IMAGE=… --build-arg BASE=…",
		"ARG GO_IMAGE=golang:" + app.GoVersion,
		"# BASE is the image that the program runs on. The program needs none, so the default is empty.",
		"ARG BASE=scratch",
		"",
	}
}

// buildStage compiles the program, and writes the files that it expects in its image.
func buildStage(app App) []string {
	const (
		modules = "--mount=type=cache,target=/go/pkg/mod"
		builds  = "--mount=type=cache,target=/root/.cache/go-build"
		netrc   = "--mount=type=secret,id=netrc,target=/root/.netrc"
	)
	return []string{
		"# Go runs on the build machine and cross-compiles for the platform of the image.",
		"FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build",
		"# Go programs expect CA certificates, a user with a home directory, and a directory for temporary files.",
		"RUN mkdir -p /out/etc/ssl/certs /out/tmp \\",
		"    && chmod 1777 /out/tmp \\",
		"    && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \\",
		"    && echo 'root:x:0:0::/:/sbin/nologin' >/out/etc/passwd \\",
		"    && echo 'server:x:" + numbers(user, user) + "::/tmp:/sbin/nologin' >>/out/etc/passwd \\",
		"    && echo 'root:x:0:' >/out/etc/group \\",
		"    && echo 'server:x:" + numbers(user) + ":' >>/out/etc/group",
		"# TAGS are build tags. Private modules need GOPRIVATE and --secret id=netrc,src=$HOME/.netrc. cgo needs CGO_ENABLED=1 and a",
		"# BASE with the C library of GO_IMAGE, as debian has.",
		"ARG TAGS=",
		"ARG GOPROXY",
		"ARG GOPRIVATE",
		"ARG CGO_ENABLED=0",
		"WORKDIR " + path.Join("/src", app.Module),
		"COPY . /src/",
		"ARG TARGETOS",
		"ARG TARGETARCH",
		"# timetzdata embeds the time zones in the program.",
		"RUN " + modules + " " + builds + " " + netrc + " \\",
		"    " + workOff(app) + "CGO_ENABLED=$CGO_ENABLED GOOS=$TARGETOS GOARCH=$TARGETARCH \\",
		"    go build -trimpath -ldflags=-s -tags=timetzdata,$TAGS -o /out/server ./" + app.Command,
		"",
	}
}

// imageStage runs the program.
func imageStage(app App) []string {
	return []string{
		"FROM ${BASE}",
		"COPY --from=build /out/ /",
		"USER " + numbers(user, user),
		"EXPOSE " + numbers(app.Port),
		`ENTRYPOINT ["/server"]`,
	}
}

// whereToBuild describes the directory that docker copies.
func whereToBuild(app App) string {
	switch {
	case app.Module == "":
		return "Run this in the root of its module"
	case app.Workspace:
		return "Run this in the directory of its workspace, with its module in " + app.Module
	default:
		return "Run this in the directory that contains its module, in " + app.Module + ", and the modules that replace others"
	}
}

// workOff returns the setting that makes Go ignore a go.work that does not list the module.
func workOff(app App) string {
	if app.GoWorkOff {
		return "GOWORK=off "
	}
	return ""
}

// dockerignore returns the list of files that docker does not copy. The file is named after the
// Dockerfile, because docker reads a plain .dockerignore only in the root of the context.
func dockerignore() []byte {
	return []byte(`# What is not sent to the builder: history, tools, and what may be secret. A file that go:embed names has to be sent: add a line
# such as !certs/ca.pem at the end.
**/.git
.github
.gitlab-ci.yml
.idea
.vscode
.bin
**/*_test.go
**/.env
**/.env.*
**/*.key
**/*.pem
`)
}
