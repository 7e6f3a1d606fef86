// Package operation runs RPCs that take longer than a call: they answer at once with an operation that the caller can ask for,
// wait for and cancel (AIP-151, google.longrunning). It is a module of its own, because of the protos of google.longrunning.
package operation
