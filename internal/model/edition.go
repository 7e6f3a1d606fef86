package model

import (
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// The range of editions that the generated code is tested with.
const (
	MinimumEdition = descriptorpb.Edition_EDITION_PROTO2
	MaximumEdition = descriptorpb.Edition_EDITION_2024
)

// CheckEditions reports every file of a request whose edition is not between [MinimumEdition] and
// [MaximumEdition]. The protobuf library exits the process for some other editions.
func CheckEditions(request *pluginpb.CodeGeneratorRequest) diag.List {
	var errs diag.List
	for _, f := range request.GetProtoFile() {
		if edition := f.GetEdition(); f.GetSyntax() == "editions" && (edition < MinimumEdition || edition > MaximumEdition) {
			errs.Errorf(diag.At(f.GetName()), "its edition is %v, and this version of the plugin supports %v to %v; "+
				"update the plugin, or lower the edition", edition, MinimumEdition, MaximumEdition)
		}
	}
	return errs.Canonical()
}
