package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
)

// Resolver resolves targets such as "registry://127.0.0.1:7000/shop" to the servers that the
// registry at that address lists, and follows its changes.
func Resolver() resolver.Builder {
	return client.NewResolver("registry", func(ctx context.Context, target *url.URL, update func([]resolver.Endpoint)) error {
		for version := 0; ; {
			newest, err := next(ctx, target.Host, version) // waits for a change
			if err != nil {
				return err
			}
			servers := make([]resolver.Endpoint, len(newest.Addresses))
			for i, addr := range newest.Addresses {
				servers[i] = endpoint.New(addr)
				servers[i].Addresses[0].ServerName = addr // the certificates have it, not "shop"
			}
			update(servers)
			version = newest.Version
		}
	})
}

// next returns the list of a registry when it is newer than a version.
func next(ctx context.Context, registry string, version int) (newest list, err error) {
	address := fmt.Sprintf("http://%s/?version=%d", registry, version)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return newest, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return newest, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return newest, fmt.Errorf("registry %s: %s", registry, resp.Status)
	}
	return newest, json.NewDecoder(resp.Body).Decode(&newest)
}
