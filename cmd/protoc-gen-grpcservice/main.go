// Protoc-gen-grpcservice is a plugin for buf and protoc that generates a Go gRPC service from each
// service in a proto file.
//
// It runs beside protoc-gen-go, which generates the messages:
//
//	# buf.gen.yaml
//	version: v2
//	plugins:
//	  - {local: [go, tool, protoc-gen-go],          out: gen, opt: paths=source_relative, strategy: all}
//	  - {local: [go, tool, protoc-gen-grpcservice], out: gen, opt: paths=source_relative, strategy: all}
//
// The versions of both are those of go.mod:
//
//	go get -tool google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
//	go get -tool github.com/grpcservice/grpcservice/cmd/protoc-gen-grpcservice@latest
//
// # Output
//
// A proto file with services generates two Go files, each in its own package below the package of
// the messages. For library/v1/book_service.proto with the Go package libraryv1, these are
//
//	library/v1/libraryv1service/book_service.grpcservice.go
//	library/v1/libraryv1servicetest/book_service.grpcservice.go
//
// The first file has the server side and the client. For a service BookService, it declares the
// interface BookService, which servers implement and clients return, RegisterBookService,
// NewBookServiceClient, BookServiceConfig, UnimplementedBookService and BookServiceName. The
// second file is a test kit: ServeBookService serves over an in-memory connection,
// CheckBookService runs the contract test, and FakeBookService is a fake. Each run overwrites both
// files; do not edit them. A proto file without services generates nothing, unless it has an enum
// of reasons, which becomes constants in the first package.
//
// Generated code imports the package github.com/grpcservice/grpcservice/runtime, and does not
// compile with a version older than the file names.
//
// # Parameters
//
//	emit=service;test
//
// What to generate: the packages service and test, which are the default, code and manifests for
// the user to edit, skeleton and deploy, gogrpc, or docs. Separate several with semicolons, or
// repeat the parameter.
//
// With emit=gogrpc, a third package has adapters to and from the code of protoc-gen-go-grpc.
//
// With emit=docs, each proto package has an API reference for those who call its services, in
// Markdown and as one page of HTML, in the directory above that of the generated packages. It has
// what the policies and patterns mean for callers, and examples. Each run overwrites it.
//
//	skeleton_dir=DIR, app=DIR
//
// For emit=skeleton, which writes starter code: in skeleton_dir a type for each service, with a
// method for each RPC, and tests; in app, if set, a main.go that serves them. The plugin adds what
// is missing and never changes existing code, so a second run writes nothing. It warns if code and
// proto differ. Paths are relative to the directory in which buf or protoc runs, which must be the
// output directory and in a Go module. Requires strategy: all.
//
//	policy=FILE
//
// A YAML file of policies for protos that cannot be edited, with the schema of the options. The
// path is relative to the directory in which buf or protoc runs. The file overrides the options:
//
//	version: v1
//	rules:
//	  - methods: [library.v1.BookService/*]
//	    policy: {timeout: {default: 2s}, auth: {all_of: [books.read]}}
//
// The pattern library.v1.BookService/GetBook matches one method, library.v1.BookService/* all
// methods of a service, library.v1.* all methods of a package and its subpackages, and * all
// methods. A more specific pattern overrides a less specific one.
//
//	report=FILE
//
// Writes the effective policy of each method and its origin, as JSON, to a file below the output
// directory. With buf, it requires strategy: all.
//
//	strict
//
// Turns warnings into errors with the same texts and positions.
//
//	deploy_dir=DIR, app=DIR, app_name=NAME, image=IMAGE, port=8080,
//	tls_secret=NAME, slo=99.9, callers=LIST, gateway=NAMESPACE/NAME, hostnames=LIST,
//	web_port=8081, web_hostnames=LIST, endpointslices=LIST, namespace=NAME,
//	deploy_parts=docker;kubernetes;istio;gateway;client;monitoring
//
// For emit=deploy, which writes a Dockerfile, manifests for Kubernetes, Istio, the Gateway API,
// Prometheus and Grafana, and the service config of clients into deploy_dir, for the program in the
// directory app. Alerts fire if fewer than slo percent of the calls of a method succeed. The NetworkPolicy admits
// the callers, such as web/checkout;jobs/*. Calls from outside the cluster come through the gateway,
// with the hostnames. A program that serves HTTP with runtime/web has web_port, and routes of the
// gateway with web_hostnames. A program that follows the pods of other services with package
// runtime/endpointslice needs permissions in their namespaces, which endpointslices lists, and a
// RoleBinding with its own namespace. Paths are relative to the directory in which buf or protoc runs, which must be the output directory. Existing files belong
// to the user: the plugin only warns if they contradict the policies. Requires strategy: all.
//
//	templates=DIR
//
// A directory of templates, each of which replaces the plugin's template of the same name. The
// first line of a template is the version it is written for. --template NAME prints a template to
// start from. Templates are checked before anything is generated.
//
//	package_suffix=service
//
// The suffix that turns the package name of the messages into that of the service package:
// lower-case letters and digits, starting with a letter. The test package appends "test".
//
//	import_path=PATH
//
// The import path of the output directory, for services whose messages are in a third-party
// module. Their packages follow the paths of the protos below it. Without it, the packages are
// below those of the messages; if the go.mod shows that nothing can be written there, that is an
// error or a warning.
//
//	paths, module, M<file>, annotate_code, default_api_level, apilevelM<file>
//
// The parameters of protoc-gen-go, with the same meaning: pass the same ones to both plugins.
//
// Unknown parameters, invalid values and repeated parameters are errors.
//
// # Options
//
// The policy of a method is an option beside it in the proto: timeouts, authorization, rates,
// concurrency, retry, hedging, sizes, logs.
//
//	import "grpcservice/v1/options.proto";
//
//	rpc GetBook(GetBookRequest) returns (Book) {
//	  option (grpcservice.v1.method) = {timeout: {default: "2s"}, auth: {all_of: ["books.read"]}};
//	}
//
// The program contains that file: protoc-gen-grpcservice --export DIR writes it below a directory,
// which is then a module in buf.yaml or a -I of protoc. Its comments document each option.
//
// # Patterns
//
// The plugin detects what an RPC does from its messages. For an RPC that returns pages of a list,
// processes a batch, or starts a long-running operation, the service package has a helper, a
// variable that is named after the service and the RPC, and serves and calls it:
//
//	var BookServiceListBooks = page.Of(bookServiceTable.Method("ListBooks"), BookService.ListBooks,
//		(*libraryv1.ListBooksResponse).GetBooks, page.Fields{…})
//
// Its comment states how certain the finding is, and the reason. A certain pattern has a helper; a
// likely one has a helper and a warning; a possible one is listed in the report, with the option
// that declares it. The options page, batch, operation and idempotency_key name fields, set
// limits, and disable a pattern with off: true.
//
// # Errors and warnings
//
// Errors in a proto file are reported through buf or protoc, all in one run, with their positions:
//
//	library/v1/book_service.proto:12:3: rpc BookService.get_book: its Go name GetBook is that of rpc
//	GetBook too (…); rename one of them
//
// The run then writes nothing. Warnings are written to standard error, one per line, unless strict
// turns them into errors.
//
// # Arguments
//
// buf and protoc run the program without arguments. On the command line, --export DIR writes the
// proto of the options below DIR, --template NAME prints a template, --version prints the version
// of the program, and --help a summary of this page.
//
// # Commands
//
//	protoc-gen-grpcservice init [DIR] --module example.com/library --service library.v1.BookService
//
// Writes the repository of a new service into DIR: proto, generated code, an implementation, tests, a
// program, Makefile, CI and Dockerfile. --postgres keeps its items in PostgreSQL, and --deploy adds
// manifests. It overwrites no file. Without --module and --service, it looks at the repository in DIR
// and prints what to add to generate services, as a diff.
//
//	protoc-gen-grpcservice doctor [DIR]
//
// Checks that the versions of buf, the plugins, the runtime and the generated code fit together, and
// the settings of buf. Each finding has a file, a line and what to do. The exit code is 1 if there is
// an error; with --strict, also if there is a warning.
//
//	protoc-gen-grpcservice migrate [DIR]
//
// Prints a diff that registers the services of protoc-gen-go-grpc through server.On with
// server.Compatible, so that callers see no difference, and what remains to be done by hand. With
// --write it changes the files.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/grpcservice/grpcservice/internal/doctor"
	"github.com/grpcservice/grpcservice/internal/migrate"
	"github.com/grpcservice/grpcservice/internal/plugin"
	"github.com/grpcservice/grpcservice/internal/scaffold"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

func main() {
	tree, dir := workspace.Disk()
	os.Exit(plugin.Run(plugin.Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ReadFile: workspace.ReadFile, Tree: tree, Dir: dir,
		Commands: commands(),
	}))
}

// commands returns what the program does for a person.
func commands() []plugin.Command {
	return []plugin.Command{{
		Name: "init", Usage: scaffold.Usage, Help: "write the repository of a new service, or print what this one must add",
		Run: func(args []string) int {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return scaffold.Run(ctx, scaffold.Env{
				Args: args, Stdout: os.Stdout, Stderr: os.Stderr, Version: plugin.Version(),
			})
		},
	}, {
		Name: "doctor", Usage: doctor.Usage, Help: "check that versions and the settings of buf fit together",
		Run: func(args []string) int {
			return doctor.Run(doctor.Env{Args: args, Stdout: os.Stdout, Stderr: os.Stderr})
		},
	}, {
		Name: "migrate", Usage: migrate.Usage, Help: "move programs from protoc-gen-go-grpc, as far as that is safe",
		Run: func(args []string) int {
			return migrate.Run(migrate.Env{Args: args, Stdout: os.Stdout, Stderr: os.Stderr})
		},
	}}
}
