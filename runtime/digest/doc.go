// Package digest computes a fixed-size digest of a message's contents, which decides whether two
// requests are equal. Page tokens are bound to the digest of their request, and so are idempotency
// keys.
//
// The bytes of proto.Marshal are unsuitable: Go encodes map entries in random order, and fields
// that it does not know after those that it knows. A digest is computed from the fields in the
// order of their numbers, at each level, and from map entries in the order of their keys. Its
// cost is proportional to the size of the message. Two servers agree on it even if one of them
// has an older version of the proto.
//
// There are limits. For a field that a server does not know, it cannot tell a message from a
// string or bytes, or a map from a list. It treats bytes as a message, or as map entries, if they
// can be decoded as such. Therefore servers of two versions disagree if a new field is a list of
// messages with exactly two fields, or is bytes that happen to decode as a message out of order;
// known fields are always compared exactly. The type in an Any is never resolved. Groups are
// reordered only if at most three surround them.
package digest
