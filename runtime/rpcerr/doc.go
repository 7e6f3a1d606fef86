// Package rpcerr builds and reads the errors of RPCs: a code, a message, and details for programs
// (AIP-193).
//
// A method returns an error built from a [Reason]:
//
//	return nil, libraryv1service.ReasonOutOfStock.Errorf(codes.FailedPrecondition, "%q is out of stock", isbn)
//
// [Invalid] lists the violations of a request. [Wrap] passes on the failure of a call to another
// service. A caller reads errors with [ReasonOf], [FieldViolations], [RetryAfter] and [Detail].
//
// The text of an error without a status never reaches the caller: see [PublicStatus].
package rpcerr
