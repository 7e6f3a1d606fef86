package xds_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoints "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	rbacfilter "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// plane is the control plane of all tests, because a process has one bootstrap file.
var plane controlPlane

// controlPlane is a control plane of xDS. Resources stay when it stops.
type controlPlane struct {
	addr   string
	caches map[string]*cache.LinearCache
	stop   func()
}

// start serves resources, and writes the bootstrap file of their clients.
func (p *controlPlane) start(bootstrap string) error {
	p.caches = make(map[string]*cache.LinearCache)
	for _, kind := range []string{resource.ListenerType, resource.RouteType, resource.ClusterType, resource.EndpointType} {
		p.caches[kind] = cache.NewLinearCache(kind)
	}
	if err := p.serve("127.0.0.1:0"); err != nil {
		return err
	}
	return os.WriteFile(bootstrap, fmt.Appendf(nil, `{
		"xds_servers": [{"server_uri": %q, "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}],
		"node": {"id": "test"},
		"server_listener_resource_name_template": "server/%%s"
	}`, p.addr), 0o600)
}

// serve serves the resources on addr.
func (p *controlPlane) serve(addr string) error {
	lis, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	all := &cache.MuxCache{
		Classify:      func(r *cache.Request) string { return r.GetTypeUrl() },
		ClassifyDelta: func(r *cache.DeltaRequest) string { return r.GetTypeUrl() },
		Caches:        make(map[string]cache.Cache),
	}
	for kind, c := range p.caches {
		all.Caches[kind] = c
	}
	ctx, cancel := context.WithCancel(context.Background())
	srv := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(srv, server.NewServer(ctx, all, nil))
	go func() { _ = srv.Serve(lis) }()
	p.addr = lis.Addr().String()
	p.stop = func() { cancel(); srv.Stop() }
	return nil
}

// away stops the control plane until back is called.
func (p *controlPlane) away(t *testing.T) (back func()) {
	t.Helper()
	p.stop()
	return func() {
		t.Helper()
		var err error
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			if err = p.serve(p.addr); err == nil {
				return
			}
		}
		t.Fatal(err)
	}
}

// put sends a resource to the clients that ask for it.
func (p *controlPlane) put(t *testing.T, kind, name string, r types.Resource) {
	t.Helper()
	if err := p.caches[kind].UpdateResource(name, r); err != nil {
		t.Fatal(err)
	}
}

// withdraw deletes a resource.
func (p *controlPlane) withdraw(t *testing.T, kind, name string) {
	t.Helper()
	if err := p.caches[kind].DeleteResource(name); err != nil {
		t.Fatal(err)
	}
}

// service publishes a service for clients, with retries of UNAVAILABLE if so many are above 0.
func (p *controlPlane) service(t *testing.T, name string, retries uint32, change func(*cluster.Cluster)) {
	t.Helper()
	action := &route.RouteAction{ClusterSpecifier: &route.RouteAction_Cluster{Cluster: name}}
	if retries > 0 {
		action.RetryPolicy = &route.RetryPolicy{RetryOn: "unavailable"}
	}
	c := &cluster.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
		EdsClusterConfig:     &cluster.Cluster_EdsClusterConfig{EdsConfig: overADS()},
		LbPolicy:             cluster.Cluster_ROUND_ROBIN,
	}
	if change != nil {
		change(c)
	}
	p.put(t, resource.ClusterType, name, c)
	p.put(t, resource.RouteType, name, routes(name, &route.Route{
		Match:  &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: "/"}},
		Action: &route.Route_Route{Route: action},
	}))
	p.put(t, resource.ListenerType, name, &listener.Listener{Name: name, ApiListener: &listener.ApiListener{
		ApiListener: packed(t, &hcm.HttpConnectionManager{
			RouteSpecifier: &hcm.HttpConnectionManager_Rds{
				Rds: &hcm.Rds{ConfigSource: overADS(), RouteConfigName: name},
			},
			HttpFilters: []*hcm.HttpFilter{filter(t, "router", &router.Router{})},
		}),
	}})
}

// servers publishes the servers of a service.
func (p *controlPlane) servers(t *testing.T, name string, addrs ...string) {
	t.Helper()
	var all []*endpoints.LbEndpoint
	for _, addr := range addrs {
		all = append(all, &endpoints.LbEndpoint{HostIdentifier: &endpoints.LbEndpoint_Endpoint{
			Endpoint: &endpoints.Endpoint{Address: socket(t, addr)},
		}})
	}
	p.put(t, resource.EndpointType, name, &endpoints.ClusterLoadAssignment{
		ClusterName: name,
		Endpoints: []*endpoints.LocalityLbEndpoints{{
			Locality:            &core.Locality{Region: "here"},
			LoadBalancingWeight: wrap(1),
			LbEndpoints:         all,
		}},
	})
}

// listener publishes the configuration of the server at addr. denied is a path that RBAC denies; ""
// for none.
func (p *controlPlane) listener(t *testing.T, addr, denied string) {
	t.Helper()
	filters := []*hcm.HttpFilter{filter(t, "router", &router.Router{})}
	if denied != "" {
		filters = append([]*hcm.HttpFilter{filter(t, "rbac", deny(denied))}, filters...)
	}
	p.put(t, resource.ListenerType, "server/"+addr, &listener.Listener{
		Name:    "server/" + addr,
		Address: socket(t, addr),
		FilterChains: []*listener.FilterChain{{
			Name: "all",
			Filters: []*listener.Filter{{
				Name: "hcm",
				ConfigType: &listener.Filter_TypedConfig{TypedConfig: packed(t, &hcm.HttpConnectionManager{
					RouteSpecifier: &hcm.HttpConnectionManager_RouteConfig{RouteConfig: routes("inbound", &route.Route{
						Match:  &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: "/"}},
						Action: &route.Route_NonForwardingAction{NonForwardingAction: &route.NonForwardingAction{}},
					})},
					HttpFilters: filters,
				})},
			}},
		}},
	})
}

func deny(path string) *rbacfilter.RBAC {
	return &rbacfilter.RBAC{Rules: &rbac.RBAC{
		Action: rbac.RBAC_DENY,
		Policies: map[string]*rbac.Policy{"denied": {
			Permissions: []*rbac.Permission{{Rule: &rbac.Permission_UrlPath{UrlPath: exactly(path)}}},
			Principals:  []*rbac.Principal{{Identifier: &rbac.Principal_Any{Any: true}}},
		}},
	}}
}

func routes(name string, all ...*route.Route) *route.RouteConfiguration {
	return &route.RouteConfiguration{Name: name, VirtualHosts: []*route.VirtualHost{{
		Name: name, Domains: []string{"*"}, Routes: all,
	}}}
}

func filter(t *testing.T, name string, config proto.Message) *hcm.HttpFilter {
	return &hcm.HttpFilter{Name: name, ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: packed(t, config)}}
}

func overADS() *core.ConfigSource {
	return &core.ConfigSource{
		ResourceApiVersion:    core.ApiVersion_V3,
		ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
	}
}

func packed(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func socket(t *testing.T, addr string) *core.Address {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: host, PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(number)},
	}}}
}
