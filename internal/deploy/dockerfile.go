package deploy

import "strings"

// user is who the program runs as, in the image and in the pod: nobody in particular, by number, because Kubernetes can tell
// only of a number that it is not root.
const user = 65532

// dockerfile returns the Dockerfile of app. It is for BuildKit, with the root of the module as its context.
func dockerfile(app App) []byte {
	const (
		modules = "--mount=type=cache,target=/go/pkg/mod"
		builds  = "--mount=type=cache,target=/root/.cache/go-build"
	)
	image := func(lines ...string) string { return strings.Join(lines, "\n") + "\n" }
	return []byte(image(
		"# Builds "+app.Name+" from the root of its module:",
		"#",
		"#     docker build -f "+app.Dir+"/Dockerfile -t "+app.Image+" .",
		"#",
		"# To have images of your own, or of your mirror: --build-arg GO_IMAGE=… --build-arg BASE=…",
		"ARG GO_IMAGE=golang:"+app.GoVersion,
		"# BASE is what the program runs on. It needs nothing, so the default is empty.",
		"ARG BASE=scratch",
		"",
		"# Go runs on the machine that builds and compiles for the one that the image is for.",
		"FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build",
		"WORKDIR /src",
		"COPY go.mod go.sum ./",
		"RUN "+modules+" go mod download",
		"COPY . .",
		"ARG TARGETOS",
		"ARG TARGETARCH",
		"RUN "+modules+" "+builds+" \\",
		"    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \\",
		"    go build -trimpath -ldflags=-s -o /out/server ./"+app.Command,
		"",
		"FROM ${BASE}",
		"# What calls over TLS to others are checked with.",
		"COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/",
		"COPY --from=build /out/server /server",
		"USER "+numbers(user, user),
		"EXPOSE "+numbers(app.Port),
		`ENTRYPOINT ["/server"]`,
	))
}

// dockerignore returns what docker does not look at. Its name has the Dockerfile's, because docker looks for a plain
// .dockerignore in the root of the module only.
func dockerignore() []byte {
	return []byte(`# What is not sent to the builder: history, tools, and what may be secret.
.git
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
