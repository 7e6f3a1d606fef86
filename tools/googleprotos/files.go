package main

import (
	"fmt"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/api"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// wanted returns the files that protos of this repository may import.
func wanted() []protoreflect.FileDescriptor {
	return []protoreflect.FileDescriptor{
		validate.File_buf_validate_validate_proto,
		annotations.File_google_api_annotations_proto,
		annotations.File_google_api_client_proto,
		annotations.File_google_api_field_behavior_proto,
		annotations.File_google_api_field_info_proto,
		annotations.File_google_api_http_proto,
		annotations.File_google_api_resource_proto,
		api.File_google_api_launch_stage_proto,
		longrunningpb.File_google_longrunning_operations_proto,
		code.File_google_rpc_code_proto,
		errdetails.File_google_rpc_error_details_proto,
		status.File_google_rpc_status_proto,
	}
}

// withImports returns the files and their imports, each once. It omits the protos of protobuf
// itself, which every compiler includes.
func withImports(files []protoreflect.FileDescriptor) ([]protoreflect.FileDescriptor, error) {
	var all []protoreflect.FileDescriptor
	seen := make(map[string]bool)
	var add func(protoreflect.FileDescriptor) error
	add = func(file protoreflect.FileDescriptor) error {
		if seen[file.Path()] || strings.HasPrefix(file.Path(), "google/protobuf/") {
			return nil
		}
		if file.IsPlaceholder() {
			return fmt.Errorf("%s is imported, but no Go package with it is linked; import that package in tools/googleprotos", file.Path())
		}
		seen[file.Path()] = true
		all = append(all, file)
		for i := range file.Imports().Len() {
			if err := add(file.Imports().Get(i).FileDescriptor); err != nil {
				return err
			}
		}
		return nil
	}
	for _, file := range files {
		if err := add(file); err != nil {
			return nil, err
		}
	}
	return all, nil
}
