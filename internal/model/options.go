package model

import (
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// Options are the parameters that shape the model.
type Options struct {
	ImportPath    string          // of the output directory, for our packages; "" where they go below those of the messages
	Modules       *golang.Modules // what is known of Go modules, or nil
	PackageSuffix string          // what the name of the service package adds to that of the messages
	PolicyFile    *policy.File    // rules beside those in the protos, or nil
	Patterns      []pattern.Pattern
}
