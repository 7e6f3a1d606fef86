package client

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
)

// allResolvers returns the resolvers of a connection that are not grpc's.
func (c *settings) allResolvers() []resolver.Builder {
	file := watchBuilder{scheme: fileScheme, watch: new(serverFile).watch, longest: fileInterval}
	builders := append([]resolver.Builder{NewResolver(staticScheme, watchStatic), file}, c.resolvers...)
	for i, b := range builders {
		if b, ok := b.(watchBuilder); ok {
			builders[i] = b.forConn(c.tls.name() != "")
		}
	}
	return builders
}

// isUnix reports whether a target is a Unix socket.
func isUnix(target string) bool {
	return strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:")
}

// checkTarget finds mistakes that grpc would report only as UNAVAILABLE when a call is made.
// canonical is grpc's reading of target: it takes a target with an unknown scheme for a host
// name.
func checkTarget(target, canonical string) error {
	scheme, _, ok := strings.Cut(target, "://")
	known := strings.HasPrefix(canonical, strings.ToLower(scheme)+":")
	switch {
	case ok && !known && strings.ToLower(scheme) == staticScheme:
		return errStatic
	case ok && !known && strings.ToLower(scheme) == fileScheme:
		return errFile
	case ok && !known:
		return fmt.Errorf("no resolver is registered for the scheme %q; "+
			`write "host:port" without a scheme, or "dns:///host:port"`, scheme)
	case strings.HasPrefix(canonical, staticScheme+":"), strings.HasPrefix(canonical, fileScheme+":"):
		return checkList(target)
	}
	if isUnix(target) {
		_, _, err := network.Of(target)
		return err
	}
	u, err := url.Parse(canonical)
	if err != nil || u.Scheme != "dns" {
		return err
	}
	return checkHost(strings.TrimPrefix(u.Path+u.Opaque, "/"))
}

// checkList checks a target with one of our own schemes. That of grpc has lost parts of it.
func checkList(target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	if u.Scheme == staticScheme {
		_, err = serversOf(u)
	} else {
		_, err = pathOf(u)
	}
	return err
}

// checkHost accepts what grpc's DNS resolver accepts: a host with or without a port, which
// defaults to 443.
func checkHost(endpoint string) error {
	if endpoint == "" {
		return errors.New(`the target is empty; write "host:port"`)
	}
	if strings.ContainsAny(endpoint, " \t\r\n/") {
		return errors.New(`a host name cannot contain spaces or slashes; write "host:port"`)
	}
	if _, err := netip.ParseAddr(endpoint); err == nil {
		return nil
	}
	_, port, err := net.SplitHostPort(endpoint)
	if err == nil && port == "" {
		return errors.New(`the port is missing after the colon; write "host:port"`)
	}
	if err == nil {
		return nil
	}
	if _, _, withPort := net.SplitHostPort(endpoint + ":443"); withPort == nil {
		return nil
	}
	return fmt.Errorf(`%w; write "host:port", and an IPv6 address in brackets`, err)
}
