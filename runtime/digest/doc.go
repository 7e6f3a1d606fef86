// Package digest makes a fixed-size digest of what a message says, by which two requests can be told apart: whether a page
// token belongs to the request that it comes with, whether an idempotency key stands for the same request as before.
//
// Go writes the entries of a map in another order each time, and fields that it does not know after those that it knows, so
// that the bytes of proto.Marshal tell nothing. A digest is of the fields in the order of their numbers, at each level, and of
// the entries of a map in the order of their keys. Its cost is in proportion to the size of the message. Two servers agree on it while one of them has an older version of the
// proto.
//
// Two things are beyond that. A server that does not know a field sees neither whether it is a message, a text or bytes, nor
// whether it is a map or a list. What can be read as a message, or as entries of a map with their keys, it takes to be that.
// So servers of two versions disagree where a field that is new is a list of messages of exactly two fields, or is bytes that
// happen to look like a message out of order; what a server does know is always compared exactly. The content of an Any is not
// known to anybody here. And groups are looked into only where at most three are around them.
package digest
