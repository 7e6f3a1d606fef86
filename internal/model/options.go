package model

import (
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// Options holds the parameters that affect the model.
type Options struct {
	// ImportPath is the import path of the output directory. If it is "", the generated packages
	// are below those of the messages.
	ImportPath    string
	Modules       *golang.Modules // the known Go modules; or nil
	PackageSuffix string          // what the service package appends to the messages' package name
	PolicyFile    *policy.File    // rules in addition to those in the protos; or nil
	Patterns      []pattern.Pattern
	Explains      bool // whether policies list their rules and patterns, for the report
}
