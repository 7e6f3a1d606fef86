// Package seal makes tokens that only who has the key can read, make or change: page tokens, and whatever else a service hands out
// and wants back as it was.
//
// A token is text that can stand in a URL: version, key, expiry, what is sealed, and a tag, in base64. The tag is HMAC-SHA-256, cut
// to 16 bytes, over all of that and over what the token is for; what is sealed is encrypted with AES-256 in counter mode, whose
// first counter is the tag. That is the SIV construction (Rogaway and Shrimpton 2006): it needs no random numbers, so the same
// seal twice is the same token, and there is no nonce to repeat. AIP-158 asks for as much: base64 of a text that
// anybody can read is not opaque.
//
// A token proves nothing but where it comes from. Whoever holds one is not thereby allowed to do anything.
package seal
