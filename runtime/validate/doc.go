// Package validate checks requests by the rules of buf.validate (protovalidate), including those
// that are CEL expressions:
//
//	srv := server.New(server.WithValidator(validate.New()), ...)
//
// The rules of a request are compiled when its method is registered; [server.Server.Run] returns an
// error if one does not compile. A method whose request has no rules pays nothing. The page
// docs/validation.md states which rules apply to a resource that is created or updated.
//
// The package is a separate module because it depends on protovalidate and cel-go.
package validate
