package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"google.golang.org/grpc/resolver"
)

// staticScheme is the scheme of targets that list their servers: "static:///a:8080,b:8080".
const staticScheme = "static"

var errStatic = errors.New(`write the list after three slashes: "static:///host:port,host:port"`)

// serversOf returns the servers that a static target lists.
func serversOf(target *url.URL) ([]resolver.Endpoint, error) {
	if target.Host != "" || target.RawQuery != "" || target.Fragment != "" {
		return nil, errStatic
	}
	list := strings.TrimPrefix(target.Path+target.Opaque, "/")
	if list == "" {
		return nil, errors.New(`the list is empty; write "static:///host:port,host:port"`)
	}
	var servers []resolver.Endpoint
	for i, address := range strings.Split(list, ",") {
		server, err := serverAt(address)
		if err != nil {
			return nil, fmt.Errorf("address %d, %w", i+1, err)
		}
		servers = append(servers, server)
	}
	return servers, nil
}

// watchStatic is the [WatchFunc] of static targets.
func watchStatic(ctx context.Context, target *url.URL, update func([]resolver.Endpoint)) error {
	servers, err := serversOf(target)
	if err != nil {
		return err
	}
	update(servers)
	<-ctx.Done()
	return nil
}
