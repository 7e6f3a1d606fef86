package client

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/network"
)

// serverAt returns the server at an address that is listed in a target or in a file: "host:port"
// or "unix:///path".
func serverAt(address string) (resolver.Endpoint, error) {
	name, err := serverName(address)
	if err != nil {
		return resolver.Endpoint{}, fmt.Errorf("%q: %w", address, err)
	}
	server := endpoint.New(address)
	server.Addresses[0].ServerName = name
	return server, nil
}

// serverName returns the name that a server has in its certificate and in :authority, as if its
// address were the target.
func serverName(address string) (string, error) {
	if isUnix(address) {
		_, _, err := network.Of(address)
		return "localhost", err
	}
	if strings.Contains(address, "://") {
		return "", errors.New(`write "host:port" without a scheme, or "unix:///path"`)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf(`%w; write "host:port", and an IPv6 address in brackets`, bare(err))
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return "", fmt.Errorf("the port %q is not a number from 1 to 65535", port)
	}
	return address, checkHostName(host)
}

// bare returns an error of the net package without the address, which the caller adds.
func bare(err error) error {
	if invalid := new(net.AddrError); errors.As(err, &invalid) {
		return errors.New(invalid.Err)
	}
	return err
}

func checkHostName(host string) error {
	if host == "" {
		return errors.New(`the host is missing before the port; write "host:port"`)
	}
	if strings.Contains(host, ":") {
		_, err := netip.ParseAddr(host)
		return err
	}
	if i := strings.IndexFunc(host, notInHost); i >= 0 {
		return fmt.Errorf("a host name cannot contain %q", []rune(host[i:])[0])
	}
	return nil
}

// notInHost reports whether no host name contains r. Names with underscores are not valid, but
// they are common, and resolvers accept them.
func notInHost(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", r)
}
