package xds

import (
	"errors"
	"os"

	"google.golang.org/grpc/credentials"
	xdscreds "google.golang.org/grpc/credentials/xds"
	_ "google.golang.org/grpc/xds" // registers the resolver, the balancers and the filters

	"github.com/grpcservice/grpcservice/runtime/client"
)

// The variables that have the bootstrap configuration: its file, or its content.
const (
	fileEnv    = "GRPC_XDS_BOOTSTRAP"
	contentEnv = "GRPC_XDS_BOOTSTRAP_CONFIG"
)

// errNoBootstrap is what grpc would report when a call is made.
var errNoBootstrap = errors.New("xDS: neither " + fileEnv + " nor " + contentEnv + " is set; the " +
	"first names the bootstrap file, which has the address of the control plane")

// Client is the option of client.Dial for a target "xds:///service". Connections to servers use the
// certificates and CAs of the control plane. Where it sends none, the other options of TLS apply, so
// that without them the servers must have a certificate of the system's CAs.
//
// Deadlines and hedging of policies apply. Retries and balancing are those of the control plane:
// client.Dial returns an error for client.WithBalancer, client.WithConnections and
// client.WithHealthChecks.
func Client() client.Option {
	return client.WithWrappedCredentials(wrapClient)
}

func wrapClient(fallback credentials.TransportCredentials) (credentials.TransportCredentials, error) {
	if os.Getenv(fileEnv) == "" && os.Getenv(contentEnv) == "" {
		return nil, errNoBootstrap
	}
	return xdscreds.NewClientCredentials(xdscreds.ClientOptions{FallbackCreds: fallback})
}
