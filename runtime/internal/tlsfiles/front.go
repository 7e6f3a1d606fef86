package tlsfiles

import "crypto/tls"

// ServerConfig returns a configuration that follows the files too, for servers that do not take
// credentials. protocols are those of the application (ALPN).
func (f *Files) ServerConfig(protocols ...string) *tls.Config {
	of := func() *tls.Config {
		config := f.latest().config.Clone()
		config.NextProtos = protocols
		return config
	}
	config := of()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return of(), nil }
	return config
}
