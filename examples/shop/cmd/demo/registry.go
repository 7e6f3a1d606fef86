package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
	"github.com/grpcservice/grpcservice/examples/shop/internal/registry"
	"github.com/grpcservice/grpcservice/runtime/client"
)

// playRegistry follows a registry, to which a replica is added while calls are made. They continue
// when the registry has stopped.
func playRegistry(ctx context.Context, p *platform, replicas []*process.Server) error {
	reg, err := registry.Start()
	if err != nil {
		return err
	}
	defer reg.Stop()
	conn, err := client.Dial("registry://"+reg.Addr+"/shop", client.WithResolvers(registry.Resolver()),
		client.WithServerCAs(p.provider.CAFile), shopv1service.ProductServiceConfig())
	if err != nil {
		return err
	}
	defer conn.Close()
	products := shopv1service.NewProductServiceClient(conn)
	for i, replica := range replicas {
		start := time.Now()
		reg.Add(replica.Addr)
		for reached := ""; reached != replica.Addr; {
			if reached, err = searchedAt(client.WaitForReady(ctx), products); err != nil {
				return err
			}
		}
		fmt.Printf("replica %d is in the registry: it was called after %v\n", i+1, time.Since(start).Round(time.Millisecond))
	}
	reg.Stop()
	for range 10 {
		if _, err := searchedAt(ctx, products); err != nil {
			return fmt.Errorf("without the registry: %w", err)
		}
	}
	fmt.Println("the registry has stopped: calls still reach the replicas that it listed last")
	return nil
}

// searchedAt searches for products, and returns the address of the server that found them.
func searchedAt(ctx context.Context, products shopv1service.ProductService) (addr string, err error) {
	var at peer.Peer
	ctx = client.WithCallOptions(ctx, grpc.Peer(&at))
	for _, err := range products.SearchProducts(ctx, &shopv1.SearchRequest{Query: "coffee", Limit: 1}) {
		if err != nil {
			return "", fmt.Errorf("SearchProducts: %w", err)
		}
	}
	return at.Addr.String(), nil
}
