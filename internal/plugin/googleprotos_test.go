package plugin_test

import (
	"fmt"
	"io/fs"
	"os/exec"
	"sync"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// findGoogle resolves google/longrunning/operations.proto, google/api/field_behavior.proto and field_info.proto, and what they
// import. They are those of the modules that the code for operations depends on, which this one does not.
func findGoogle(path string) (protocompile.SearchResult, error) {
	files, err := googleProtos()
	if err != nil {
		return protocompile.SearchResult{}, err
	}
	for _, file := range files {
		if file.GetName() == path {
			return protocompile.SearchResult{Proto: file}, nil
		}
	}
	return protocompile.SearchResult{}, fs.ErrNotExist
}

var googleProtos = sync.OnceValues(func() ([]*descriptorpb.FileDescriptorProto, error) {
	cmd := exec.Command("go", "run", "./internal/protoset")
	cmd.Dir = "../../runtime/operation"
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go run ./internal/protoset in %s: %w", cmd.Dir, err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	return set.File, proto.Unmarshal(out, set)
})
