package client

import (
	"errors"
	"reflect"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/status"
)

// WithCallCredentials sends credentials with every call, such as those of package callcreds:
//
//	conn, err := client.Dial("dns:///books:8443", client.WithCallCredentials(creds))
//
// Credentials that require transport security are not sent in plain text: with [WithInsecure], Dial
// returns an error for them. A Unix socket counts as secure, because it does not leave the machine;
// the loopback interface and connections in memory do not.
//
// If creds has a method Rejected(), it is called for each call that ends with UNAUTHENTICATED, so
// that a token that has expired or was revoked can be replaced before the next call.
func WithCallCredentials(creds credentials.PerRPCCredentials) Option {
	return func(c *settings) {
		if isNil(creds) {
			c.fail("WithCallCredentials(nil): pass credentials")
			return
		}
		c.perCall = append(c.perCall, creds)
	}
}

// transport returns the transport credentials of a connection to target, or an error if it would
// send call credentials in plain text.
func (c *settings) transport(target string) (credentials.TransportCredentials, error) {
	creds, err := c.tls.open()
	if err != nil || !c.tls.insecure || len(c.perCall) == 0 {
		return creds, err
	}
	if isUnix(target) {
		return local.NewCredentials(), nil // insecure, but grpc sends call credentials over it
	}
	for _, perCall := range c.perCall {
		if perCall.RequireTransportSecurity() {
			return nil, errors.New("WithCallCredentials and WithInsecure: the credentials would be " +
				"sent in plain text; use TLS, a Unix socket, or credentials that permit it " +
				"(callcreds.WithPlaintext)")
		}
	}
	return creds, nil
}

// callCredentials returns grpc's options for the call credentials.
func (c *settings) callCredentials() (opts []grpc.DialOption) {
	for _, creds := range c.perCall {
		opts = append(opts, grpc.WithPerRPCCredentials(creds))
		if creds, ok := creds.(interface{ Rejected() }); ok {
			opts = append(opts, grpc.WithDefaultCallOptions(grpc.OnFinish(func(err error) {
				if status.Code(err) == codes.Unauthenticated {
					creds.Rejected()
				}
			})))
		}
	}
	return opts
}

// isNil reports whether impl is nil or holds a nil pointer.
func isNil(impl any) bool {
	v := reflect.ValueOf(impl)
	return impl == nil || v.Kind() == reflect.Pointer && v.IsNil()
}
