package model

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// positionOf returns where desc is declared.
func positionOf(desc protoreflect.Descriptor) diag.Position {
	file := desc.ParentFile()
	loc := file.SourceLocations().ByDescriptor(desc)
	if loc.Path == nil {
		return diag.At(file.Path())
	}
	return diag.Position{Path: file.Path(), Line: loc.StartLine + 1, Column: loc.StartColumn + 1}
}

func atService(svc *protogen.Service) diag.Position {
	return positionOf(svc.Desc).Of("service " + string(svc.Desc.Name()))
}

func atRPC(m *protogen.Method) diag.Position {
	return positionOf(m.Desc).Of(fmt.Sprintf("rpc %s.%s", m.Parent.Desc.Name(), m.Desc.Name()))
}

func atEnum(enum protoreflect.EnumDescriptor) diag.Position {
	return positionOf(enum).Of("enum " + string(enum.Name()))
}
