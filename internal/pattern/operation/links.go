package operation

// links returns the Go packages of the proto files that the long-running operations module links.
func links() map[string]string {
	return map[string]string{
		"google/api/annotations.proto":        "google.golang.org/genproto/googleapis/api/annotations",
		"google/api/client.proto":             "google.golang.org/genproto/googleapis/api/annotations",
		"google/api/field_behavior.proto":     "google.golang.org/genproto/googleapis/api/annotations",
		"google/api/field_info.proto":         "google.golang.org/genproto/googleapis/api/annotations",
		"google/api/http.proto":               "google.golang.org/genproto/googleapis/api/annotations",
		"google/api/launch_stage.proto":       "google.golang.org/genproto/googleapis/api",
		"google/api/resource.proto":           "google.golang.org/genproto/googleapis/api/annotations",
		"google/api/routing.proto":            "google.golang.org/genproto/googleapis/api/annotations",
		"google/longrunning/operations.proto": "cloud.google.com/go/longrunning/autogen/longrunningpb",
		"google/protobuf/empty.proto":         "google.golang.org/protobuf/types/known/emptypb",
		"google/rpc/code.proto":               "google.golang.org/genproto/googleapis/rpc/code",
	}
}
