package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// header is the first line of each file.
const header = "// Printed from a Go module's descriptor by tools/googleprotos; do not edit, do not commit.\n"

// write writes the wanted files and their imports below a directory.
func write(dir string) error {
	files, err := withImports(wanted())
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := writeFile(dir, file); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(dir string, file protoreflect.FileDescriptor) error {
	var text bytes.Buffer
	text.WriteString(header)
	// Use fully qualified names: shorter ones depend on how the printer resolves scopes.
	printer := protoprint.Printer{ForceFullyQualifiedNames: true}
	if err := printer.PrintProtoFile(file, &text); err != nil {
		return fmt.Errorf("%s: %w", file.Path(), err)
	}
	path := filepath.Join(dir, filepath.FromSlash(file.Path()))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o644)
}
