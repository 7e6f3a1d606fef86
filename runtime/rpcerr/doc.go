// Package rpcerr makes and reads the errors of RPCs: a code, a message, and details that programs read
// (AIP-193).
//
// A method returns what it builds from a [Reason]:
//
//	return nil, libraryv1service.ReasonOutOfStock.Errorf(codes.FailedPrecondition, "%q is out of stock", isbn)
//
// [Invalid] lists what is wrong with a request. [Wrap] passes on the failure of a call to another
// service. A caller reads errors with [ReasonOf], [FieldViolations], [RetryAfter] and [Detail].
//
// The text of an error without a status never reaches the caller: see [PublicStatus].
package rpcerr
