package model

import (
	"maps"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// linked holds the Go packages that a program links when it imports generated code, because the
// runtime imports them. The keys are paths of proto files. The protobuf library panics at startup
// if a second Go package registers one of these files.
var linked = map[string]string{
	"google/protobuf/any.proto":                "google.golang.org/protobuf/types/known/anypb",
	"google/protobuf/descriptor.proto":         "google.golang.org/protobuf/types/descriptorpb",
	"google/protobuf/duration.proto":           "google.golang.org/protobuf/types/known/durationpb",
	"google/protobuf/go_features.proto":        "google.golang.org/protobuf/types/gofeaturespb",
	"google/protobuf/timestamp.proto":          "google.golang.org/protobuf/types/known/timestamppb",
	"google/rpc/error_details.proto":           "google.golang.org/genproto/googleapis/rpc/errdetails",
	"google/rpc/status.proto":                  "google.golang.org/genproto/googleapis/rpc/status",
	"grpc/binlog/v1/binarylog.proto":           "google.golang.org/grpc/binarylog/grpc_binarylog_v1",
	"grpc/health/v1/health.proto":              "google.golang.org/grpc/health/grpc_health_v1",
	"grpc/reflection/v1/reflection.proto":      "google.golang.org/grpc/reflection/grpc_reflection_v1",
	"grpc/reflection/v1alpha/reflection.proto": "google.golang.org/grpc/reflection/grpc_reflection_v1alpha",
	"grpcservice/v1/options.proto":             "github.com/grpcservice/grpcservice/proto/grpcservice/v1",
}

// LinkedPackages returns the Go package of each proto file that generated code can link, keyed by
// the path of the file.
func LinkedPackages(patterns []pattern.Pattern) map[string]string {
	packages := maps.Clone(linked)
	for _, p := range patterns {
		maps.Copy(packages, p.Links)
	}
	return packages
}

// checkLinked reports the files that s needs whose Go package differs from the one that the runtime
// or a helper links. Such a file was moved by an M parameter or by the managed mode of buf, and a
// program that links both packages panics at startup.
func checkLinked(r *request, s source, links map[string]string) (problems diag.List) {
	for _, f := range r.closureOf(s.File) {
		theirs := string(f.GoImportPath)
		ours := linked[f.Desc.Path()]
		if ours == "" {
			ours = links[f.Desc.Path()]
		}
		if ours != "" && ours != theirs {
			problems.Errorf(goPackagePosition(f.Proto), "its Go package is %q, but the runtime links the file as %q, and a program that links both "+
				"panics when it starts; exclude the file from managed mode (disable: [{file_option: go_package, path: %[3]s}]), "+
				"or pass the parameter M%[3]s=%[2]s to every plugin", theirs, ours, f.Desc.Path())
		}
	}
	return problems
}

// closureOf returns f and all files that it imports, directly or transitively.
func (r *request) closureOf(f *protogen.File) []*protogen.File {
	var closure []*protogen.File
	seen := map[string]bool{f.Desc.Path(): true}
	for queue := []*protogen.File{f}; len(queue) > 0; queue = queue[1:] {
		closure = append(closure, queue[0])
		for i := range queue[0].Desc.Imports().Len() {
			if path := queue[0].Desc.Imports().Get(i).Path(); !seen[path] && r.files[path] != nil {
				seen[path] = true
				queue = append(queue, r.files[path])
			}
		}
	}
	return closure
}
