// Protoc-gen-grpcservice is a plugin of buf and protoc that makes a Go gRPC service out of each service in a proto file.
//
// It works beside protoc-gen-go, which makes the messages:
//
//	# buf.gen.yaml
//	version: v2
//	plugins:
//	  - {local: protoc-gen-go,          out: gen, opt: paths=source_relative}
//	  - {local: protoc-gen-grpcservice, out: gen, opt: paths=source_relative}
//
// # Output
//
// A proto file that has services becomes two Go files, each in a package of its own below the package of its messages. For
// library/v1/book_service.proto with Go package libraryv1 these are
//
//	library/v1/libraryv1service/book_service.grpcservice.go
//	library/v1/libraryv1servicetest/book_service.grpcservice.go
//
// The first serves and calls: for a service BookService it has the interface BookService, which a server implements and a client
// is, RegisterBookService, NewBookServiceClient, BookServiceConfig, UnimplementedBookService and BookServiceName. The second
// helps tests: ServeBookService serves over an in-memory connection, CheckBookService runs the contract test, and
// FakeBookService is a fake. Both are written anew each time; do not edit them. A proto file without services becomes nothing,
// unless it has an enum of reasons, which becomes constants in the first package.
//
// Generated code needs the package github.com/grpcservice/grpcservice/runtime, at least of the version that the file names.
//
// # Parameters
//
//	emit=service;test
//
// What to generate: the packages service and test, which are the default, or the user's own code by skeleton or deploy. Give a list
// with semicolons, or give the parameter several times.
//
//	skeleton_dir=DIR, app=DIR
//
// For emit=skeleton, which writes what is missing of the user's code: in skeleton_dir a type for each service, with a method for each
// RPC, and tests; in app, if it is given, a main.go that serves them. It reads the files that are there, and adds to them; nothing that
// is there is changed, and a second run writes nothing. Where code and proto differ there are warnings. Paths are from the folder in
// which buf or protoc runs, which is to be the output folder, in a Go module. It needs strategy: all.
//
//	policy=FILE
//
// A YAML file of policies for protos that one cannot edit, in the schema of the options; its path is from the folder in which
// buf or protoc runs. What it says goes before what the options say:
//
//	version: v1
//	rules:
//	  - methods: [library.v1.BookService/*]
//	    policy: {timeout: {default: 2s}, auth: {all_of: [books.read]}}
//
// A method is named as library.v1.BookService/GetBook, all of a service as library.v1.BookService/*, all of a package and those
// below it as library.v1.*, and all as *. The pattern that spells out more of a name goes before one that spells out less.
//
//	report=FILE
//
// Writes what was decided for each method, and why, as JSON to a file below the output folder. With buf it needs strategy: all.
//
//	strict
//
// Makes errors of warnings, with the same texts and places.
//
//	deploy_dir=DIR, app=DIR, app_name=NAME, image=IMAGE, port=8080, deploy_parts=docker;kubernetes;istio;client
//
// For emit=deploy, which writes a Dockerfile, manifests for Kubernetes and Istio, and the service config of clients into deploy_dir,
// for the program in the folder app. Paths are from the folder in which buf or protoc runs, which is to be the output folder. The files
// are the user's once they are there: those that do not agree with the policies any more get warnings. It needs strategy: all.
//
//	templates=DIR
//
// A folder of templates that go in the place of the plugin's own of the same names, each from then on in the version that its
// first line says. --template NAME prints one to begin with. They are checked before anything is generated.
//
//	package_suffix=service
//
// What the name of the service package adds to the name of the messages' package: lower-case letters and digits that begin
// with a letter. The name of the test package adds "test" to that.
//
//	import_path=PATH
//
// The import path of the output folder, for services whose messages are in a module that is not yours. Their packages go by the paths of
// the protos below it. Without it they go below the packages of the messages, and it is an error, or a warning, where the go.mod
// shows that nothing can be written there.
//
//	paths, module, M<file>, annotate_code, default_api_level, apilevelM<file>
//
// These are protoc-gen-go's, and mean the same here: give both plugins the same ones.
//
// Any other parameter, a wrong value, and a parameter that is given twice are errors.
//
// # Options
//
// The rules of a method stand beside it in the proto: timeouts, who may call, rates, concurrency, retry, hedging, sizes, logs.
//
//	import "grpcservice/v1/options.proto";
//
//	rpc GetBook(GetBookRequest) returns (Book) {
//	  option (grpcservice.v1.method) = {timeout: {default: "2s"}, auth: {all_of: ["books.read"]}};
//	}
//
// The program carries that file: protoc-gen-grpcservice --export DIR writes it below a folder, which is then a module in
// buf.yaml or a -I of protoc. The comments in it say what each option means.
//
// # Patterns
//
// What an RPC does shows in its messages. One that pages a list, works on many things at once, or starts a long-running operation
// gets a variable in the service package, named after the service and the RPC, which serves and calls it:
//
//	var BookServiceListBooks = page.Of(bookServiceTable.Info(1), BookService.ListBooks, (*libraryv1.ListBooksResponse).GetBooks, page.Fields{…})
//
// Above it stands how sure that is, and why. What is certain is generated; what is likely is generated, with a warning; what is
// possible is in the report, with the option that would make it certain. The options page, batch, operation and idempotency_key name
// fields, set limits, and take a pattern away by off: true.
//
// # Errors and warnings
//
// What is wrong with a proto file is reported through buf or protoc, all of it in one run, with its place:
//
//	library/v1/book_service.proto:12:3: rpc BookService.get_book: its Go name GetBook is that of rpc GetBook too (…); rename one of them
//
// Nothing is written then. Warnings go to the standard error output, a line each, unless strict makes errors of them.
//
// # Arguments
//
// The program is run by buf or protoc, without arguments. By hand, --export DIR writes the proto of the options below DIR,
// --template NAME prints a template, --version prints the version of the program and --help a summary of this page.
package main

import (
	"os"

	"github.com/grpcservice/grpcservice/internal/plugin"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

func main() {
	tree, dir := workspace.Disk()
	os.Exit(plugin.Run(plugin.Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ReadFile: workspace.ReadFile, Tree: tree, Dir: dir,
	}))
}
