// Package proto carries the proto files that users import.
package proto

import _ "embed"

// OptionsPath is where the import of users expects [Options].
const OptionsPath = "grpcservice/v1/options.proto"

// Options is the proto of the options.
//
//go:embed grpcservice/v1/options.proto
var Options string
