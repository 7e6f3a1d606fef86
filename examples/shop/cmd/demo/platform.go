package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/collector"
	"github.com/grpcservice/grpcservice/examples/shop/internal/devcert"
	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
	"github.com/grpcservice/grpcservice/runtime/jwtauth/jwttest"
)

// platform is what an organization has for its services: a certificate authority, an identity
// provider, a collector of traces, and Redis.
type platform struct {
	collector *collector.Collector
	dir       string // of certificates
	authority *devcert.Authority
	issuer    *jwttest.Issuer
	provider  auth.Provider
	web       *http.Server   // of the issuer
	redis     *process.Redis // nil if the machine has none
}

// startPlatform starts a platform whose files are in dir.
func startPlatform(ctx context.Context, dir string) (p *platform, err error) {
	p = &platform{dir: dir, provider: auth.Provider{CAFile: filepath.Join(dir, "ca.crt")}}
	if p.authority, err = devcert.New(p.provider.CAFile); err != nil {
		return nil, err
	}
	cert, err := p.authority.Issue(dir, 2)
	if err != nil {
		return nil, err
	}
	if err := p.startIssuer(cert); err != nil {
		return nil, err
	}
	fmt.Println("identity provider at", p.provider.Issuer)
	if p.collector, err = collector.Start(); err != nil {
		_ = p.web.Close()
		return nil, err
	}
	fmt.Println("collector of traces at", p.collector.URL)
	p.redis, err = process.StartRedis(ctx, dir)
	switch {
	case err == nil:
		fmt.Println("Redis at", p.redis.Addr)
	case errors.Is(err, process.ErrNoRedis) && os.Getenv("CI") == "":
		fmt.Println("each replica counts calls by itself:", err)
	default:
		p.stop()
		return nil, err
	}
	return p, nil
}

// startIssuer serves the identity provider, where each caller of the shop is a client.
func (p *platform) startIssuer(cert tls.Certificate) error {
	p.issuer = jwttest.NewIssuer()
	for name, scopes := range auth.Scopes() {
		p.issuer.AddClient(name, auth.Secret(name), jwttest.Claims{"aud": auth.Audience, "scope": scopes})
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.provider.Issuer = "https://" + lis.Addr().String()
	p.issuer.SetURL(p.provider.Issuer)
	p.web = &http.Server{
		Handler: p.issuer, ReadHeaderTimeout: 5 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
	}
	go p.web.ServeTLS(lis, "", "") // until stop
	return nil
}

// tracing returns what tells a program where its traces go, and what it is called in them.
func (p *platform) tracing(name string) map[string]string {
	return map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": p.collector.URL, "OTEL_SERVICE_NAME": name,
		"OTEL_BSP_SCHEDULE_DELAY": "50", // in milliseconds; the demo waits for its traces
	}
}

// environment returns what tells a replica of the platform. The replica changes prices only of
// products that the supplier offers; "" means all.
func (p *platform) environment(name, supplier string) []string {
	env := []string{
		"SHOP_ISSUER=" + p.provider.Issuer, "SHOP_CA=" + p.provider.CAFile, "SHOP_TLS=" + p.dir, "SHOP_SUPPLIER=" + supplier,
	}
	for variable, value := range p.tracing(name) {
		env = append(env, variable+"="+value)
	}
	if p.redis != nil {
		env = append(env, "SHOP_REDIS="+p.redis.Addr, "SHOP_REPLICAS=2")
	}
	return env
}

func (p *platform) stop() {
	_ = p.web.Close()
	p.collector.Stop()
	if p.redis != nil {
		p.redis.Stop()
	}
}
