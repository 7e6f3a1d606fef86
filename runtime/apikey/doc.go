// Package apikey authenticates callers by API keys.
//
//	keys, err := apikey.Open("/config/api-keys.json")
//	if err != nil {
//		log.Fatal(err)
//	}
//	srv := server.New(server.WithAuthenticator(keys))
//
// The server keeps the SHA-256 of each key, never the key. [Generate] makes a key, and [HashOf] its
// hash; so does a shell:
//
//	key="shop_$(openssl rand -hex 32)"
//	printf %s "$key" | sha256sum
//
// SHA-256 suffices because a key is random: an attacker who has its hash must try 2^128 keys or
// more. The slow hashes for passwords, such as bcrypt, make up for secrets that people can
// remember; here they would only let every caller spend the server's CPU. Keys that look
// like passwords are therefore rejected, even if their hash is known: those with less than
// [MinLength] characters, or with few different ones.
//
// [New] takes the keys from code, and [Open] from a file that is read again when it changes. A
// principal may have several keys, so that a new one is in use before the old one is removed, and
// each may expire. [WithHeader] and [WithScheme] set where a call has its key; [WithLogger] sets
// the log of the file.
package apikey
