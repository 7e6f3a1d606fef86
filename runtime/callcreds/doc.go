// Package callcreds has the credentials that clients send with their calls: bearer tokens and API
// keys.
//
//		creds, err := callcreds.OAuth2("https://id.example.com/oauth2/token", "shop",
//			callcreds.WithSecretFile("/secrets/client-secret"), callcreds.WithScopes("books.read"))
//		if err != nil {
//			log.Fatal(err)
//		}
//		conn, err := client.Dial("dns:///books:8443", client.WithCallCredentials(creds))
//
//	  - [Token] is a bearer token that does not change, and [TokenFile] one in a file that is read
//	    again when it changes, as Kubernetes does with service account tokens.
//	  - [APIKey] and [APIKeyFile] are the same for API keys; [WithHeader] and [WithScheme] set where
//	    the call has it.
//	  - [OAuth2] gets tokens with the client credentials grant (RFC 6749, section 4.4), ahead of their
//	    expiry. [WithSecret] or [WithSecretFile] is required; [WithSecretInBody], [WithScopes],
//	    [WithAudience] and [WithParameter] set what is sent, [WithTransport] how, and
//	    [WithPlaintextEndpoint] permits an endpoint without TLS.
//
// Credentials are sent only over connections with TLS, or over Unix sockets, unless [WithPlaintext]
// permits others. They are never printed. [WithLogger] sets the log of files and tokens that cannot
// be read or refreshed.
package callcreds
