package client

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
)

// checkTarget finds mistakes that grpc would report only as UNAVAILABLE when a call is made.
// canonical is grpc's reading of target: it takes a target with an unknown scheme for a host
// name.
func checkTarget(target, canonical string) error {
	if scheme, _, ok := strings.Cut(target, "://"); ok && !strings.HasPrefix(canonical, strings.ToLower(scheme)+":") {
		return fmt.Errorf(`no resolver is registered for the scheme %q; write "host:port" without a scheme, or "dns:///host:port"`, scheme)
	}
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		_, _, err := network.Of(target)
		return err
	}
	u, err := url.Parse(canonical)
	if err != nil || u.Scheme != "dns" {
		return err
	}
	return checkHost(strings.TrimPrefix(u.Path+u.Opaque, "/"))
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
