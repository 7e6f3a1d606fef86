package client_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/client"
)

// TestTheReasonOfAResolver checks that callers see why there is no server.
func TestTheReasonOfAResolver(t *testing.T) {
	for name, watch := range map[string]client.WatchFunc{
		"the registry is away": func(context.Context, *url.URL, func([]resolver.Endpoint)) error {
			return errors.New("the registry is away")
		},
		"panic: oh": func(context.Context, *url.URL, func([]resolver.Endpoint)) error { panic("oh") },
	} {
		conn, err := client.Dial("registry:///books", client.WithInsecure(),
			client.WithResolvers(client.NewResolver("registry", watch)))
		if err != nil {
			t.Fatal(err)
		}
		err = conn.Invoke(t.Context(), "/a.B/C", nil, nil)
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %s", err, name)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestResolversAndBalancersThatCannotBe(t *testing.T) {
	r := client.NewResolver("registry", nil)
	for want, opt := range map[string]client.Option{
		`the scheme "registry" has a resolver`: client.WithResolvers(r, r),
		"WithResolvers(nil)":                   client.WithResolvers(nil),
		`no balancer "none" is registered`:     client.WithBalancer(client.NewBalancer("none", nil)),
		"least_request_experimental": client.WithBalancer(
			client.NewBalancer("least_request_experimental", map[string]int{"choiceCount": 1})),
	} {
		_, err := client.Dial("registry:///books", client.WithInsecure(), opt)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
