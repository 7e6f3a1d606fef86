package plugin

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/model"
)

// output collects the generated files and the problems of a run.
type output struct {
	files    []*pluginpb.CodeGeneratorResponse_File
	problems diag.List
}

// addCode adds one of the Go files generated for a proto file.
func (o *output) addCode(params parameters, to model.Output, file model.File, generate func(model.File) ([]byte, error)) {
	content, err := generate(file)
	path := to.File
	if err == nil {
		path, err = params.place(path)
	}
	o.add(path, content, err)
}

func (o *output) add(path string, content []byte, err error) {
	o.problems.Fail(err)
	o.files = append(o.files, &pluginpb.CodeGeneratorResponse_File{Name: proto.String(path), Content: proto.String(string(content))})
}
