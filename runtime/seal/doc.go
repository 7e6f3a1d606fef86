// Package seal creates tokens that only holders of the key can read, create or modify. Page tokens
// are an example: a service sends them out and expects them back unchanged.
//
// A token is URL-safe text: version, key, expiry, sealed body, and a tag, in base64. The tag is
// HMAC-SHA-256, cut to 16 bytes, over all of that and over the purpose of the token. The body is
// encrypted with AES-256 in counter mode; the tag is the first counter. That is the SIV
// construction (Rogaway and Shrimpton 2006): it needs no random numbers, so sealing the same body
// twice returns the same token, and no nonce can repeat. AIP-158 requires opaque tokens, which
// base64 of readable text is not.
//
// A token proves only its origin. It does not authorize its holder.
package seal
