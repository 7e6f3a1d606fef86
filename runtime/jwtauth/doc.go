// Package jwtauth authenticates callers by JSON Web Tokens (RFC 7519, 9068), such as the access
// tokens of an OpenID Connect provider:
//
//	issuer, err := jwtauth.New(
//		jwtauth.WithIssuer("https://id.example.com"),
//		jwtauth.WithAudience("library"),
//	)
//	if err != nil {
//		return err
//	}
//	srv := server.New(server.WithAuthenticator(issuer))
//
// A caller sends its token as "authorization: Bearer TOKEN". A token is accepted if its signature,
// issuer, audience, times, type and critical headers are. Algorithms are asymmetric, and each key
// verifies only those of its own type. The principal's ID is the issuer, "#" and the subject; its
// scopes are those of the claims "scope" and "scp" unless [WithScopesFrom] names others; its
// Claims are a *[Claims].
//
// The keys come from the issuer's discovery document, from a URL ([WithJWKSURL]), from a file
// ([WithKeyFile]), or from the program ([WithKey], [WithSecret]). [New] does not use the network.
// Keys are fetched for the first plausible token, or by [Authenticator.Ready], and fetched again
// in the background before they are old; calls do not wait for that. While the issuer cannot be
// reached, the keys that are known stay in use for a limited time ([WithMaxStale]).
//
// A verified token is cached, with a keyed hash instead of its signature, until it expires or its
// key is withdrawn. Rejected tokens are not cached, so they cannot displace those of others.
//
// The package is a separate module because it depends on golang-jwt, whose code verifies the
// signatures.
package jwtauth
