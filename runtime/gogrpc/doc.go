// Package gogrpc converts between the interfaces of generated services and those that
// protoc-gen-go-grpc generates for the same services.
//
// The code of emit=gogrpc calls it; see docs/moving.md. Call it directly only to adapt a single
// method by hand.
package gogrpc
