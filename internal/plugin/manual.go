package plugin

import (
	"fmt"
	"slices"
	"strings"
)

// manual returns the --help text of a program with the given arguments and commands. The doc
// comment of cmd/protoc-gen-grpcservice is the long version.
func manual(arguments []argument, commands []Command) string {
	var b strings.Builder
	b.WriteString(manualHead)
	for _, e := range emitters() {
		fmt.Fprintf(&b, "    %-23s %s\n", "emit="+e.name, e.path)
		fmt.Fprintf(&b, "    %-23s %s\n", "", e.help)
	}
	b.WriteString("\nParameters:\n")
	for _, p := range slices.Concat(ownParameters, emitParameters) {
		help := p.help
		if len(p.emits) > 0 {
			help = "for emit=" + strings.Join(p.emits, ", ") + ": " + help
		}
		fmt.Fprintf(&b, "    %-23s %s\n", p.name+p.usage, help)
	}
	fmt.Fprintf(&b, "    %s\n    %-23s as for protoc-gen-go\n", strings.Join(foreignNames(), ", "), "")
	b.WriteString("\nArguments:\n")
	for _, a := range arguments {
		fmt.Fprintf(&b, "    %-23s %s\n", a.usage(), a.help)
	}
	if len(commands) > 0 {
		b.WriteString("\nCommands:\n")
	}
	for _, c := range commands {
		fmt.Fprintf(&b, "    %-23s %s\n", strings.TrimSpace(c.Name+" "+c.Usage), c.Help)
	}
	b.WriteString(manualTail)
	return b.String()
}

const manualHead = `protoc-gen-grpcservice is a plugin for buf and protoc that generates Go gRPC services from proto files.

    # buf.gen.yaml; the first two plugins are enough, the others write code and manifests for you to edit
    version: v2
    plugins:
      - {local: [go, tool, protoc-gen-go],          out: gen, opt: paths=source_relative, strategy: all}
      - {local: [go, tool, protoc-gen-grpcservice], out: gen, opt: paths=source_relative, strategy: all}
      - local: [go, tool, protoc-gen-grpcservice]
        out: .
        strategy: all
        opt: [emit=skeleton, skeleton_dir=internal/service, app=cmd/server]
      - local: [go, tool, protoc-gen-grpcservice]
        out: .
        strategy: all
        opt: [emit=deploy, deploy_dir=deploy, app=cmd/server, app_name=library, "image=library:1.0.0"]

Output for library/v1/book_service.proto with the Go package libraryv1:
`

const manualTail = `
Manual: https://pkg.go.dev/github.com/grpcservice/grpcservice/cmd/protoc-gen-grpcservice
`
