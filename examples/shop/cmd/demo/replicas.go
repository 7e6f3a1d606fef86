package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// playReplicas shows what two replicas share, and what changes while they run.
func playReplicas(ctx context.Context, p *platform, addrs []string) error {
	conns := make([]*client.Conn, len(addrs))
	for i, addr := range addrs {
		conn, err := client.Dial(addr, client.WithServerCAs(p.provider.CAFile))
		if err != nil {
			return err
		}
		defer conn.Close()
		conns[i] = conn
	}
	title("The other replica counts the same calls")
	if err := playSharedRate(ctx, p, conns[1]); err != nil {
		return err
	}
	title("A list goes on at the other replica")
	if err := playSharedPages(ctx, p, conns); err != nil {
		return err
	}
	title("The identity provider rotates its key")
	if err := playKeyRotation(ctx, p, conns); err != nil {
		return err
	}
	title("The certificate is renewed while a stream is open")
	return playRenewal(ctx, p, conns[0], addrs[0])
}

// playSharedRate calls as the sensor, whose rate the other replica has used up.
func playSharedRate(ctx context.Context, p *platform, conn *client.Conn) error {
	callers, err := p.provider.Callers()
	if err != nil {
		return err
	}
	const burst = 10
	analytics := shopv1service.NewAnalyticsServiceClient(conn)
	for n := range burst {
		_, err := analytics.RecordMetrics(callers.As(ctx, auth.Sensor), stream.Of(&shopv1.Metric{Name: "temperature", Value: 21}))
		if status.Code(err) == codes.ResourceExhausted {
			fmt.Printf("call %d of the sensor: %v\n", n+1, err)
			return nil
		}
		if err != nil {
			return err
		}
	}
	if p.redis == nil {
		fmt.Println("no: there is no Redis here")
		return nil
	}
	return fmt.Errorf("%d calls of the sensor were accepted, want fewer than the burst", burst)
}

// playSharedPages reads two pages of a list, each from another replica. The replicas keep separate
// users in memory, so the second page is what comes after the first one there.
func playSharedPages(ctx context.Context, p *platform, conns []*client.Conn) error {
	callers, err := p.provider.Callers()
	if err != nil {
		return err
	}
	clerk, req := callers.As(ctx, auth.Clerk), &shopv1.ListUsersRequest{PageSize: 1, OrderBy: "name"}
	for i, name := range []string{"Alan", "Edsger"} {
		users := shopv1service.NewUserServiceClient(conns[i])
		for range 2 { // so that there is a second page
			if _, err := users.CreateUser(clerk, &shopv1.CreateUserRequest{Name: name, Email: fmt.Sprintf("e%d@example.com", time.Now().UnixNano())}); err != nil {
				return err
			}
		}
		page, err := users.ListUsers(clerk, req)
		if err != nil {
			return fmt.Errorf("page %d: %w", i+1, err)
		}
		if len(page.GetUsers()) != 1 || page.GetUsers()[0].GetName() != name {
			return fmt.Errorf("page %d: want %s, got %v", i+1, name, page.GetUsers())
		}
		fmt.Printf("page %d, from replica %d: %s\n", i+1, i+1, name)
		req.PageToken = page.GetNextPageToken()
	}
	return nil
}

// playKeyRotation calls both replicas with a token of a new key and with one of the key before it.
func playKeyRotation(ctx context.Context, p *platform, conns []*client.Conn) error {
	before, err := p.provider.Callers()
	if err != nil {
		return err
	}
	for _, rotate := range []bool{false, true} {
		callers := before
		if rotate {
			p.issuer.Rotate()
			if callers, err = p.provider.Callers(); err != nil {
				return err
			}
		}
		for i, conn := range conns {
			for _, c := range []auth.Callers{before, callers} {
				users := shopv1service.NewUserServiceClient(conn)
				if _, err := users.ListUsers(c.As(ctx, auth.Clerk), &shopv1.ListUsersRequest{}); err != nil {
					return fmt.Errorf("replica %d, rotated %v: %w", i+1, rotate, err)
				}
			}
		}
	}
	fmt.Println("both replicas accept tokens of the old key and of the new one")
	return nil
}

// playRenewal replaces the certificate, and checks that an open stream goes on and that new
// connections get the new certificate.
func playRenewal(ctx context.Context, p *platform, conn *client.Conn, addr string) error {
	callers, err := p.provider.Callers()
	if err != nil {
		return err
	}
	chat := stream.Converse(callers.As(ctx, auth.Clerk), shopv1service.NewChatServiceClient(conn).Chat)
	defer chat.Close()
	say := func(content string) error {
		if err := chat.Send(&shopv1.ChatMessage{RoomId: "sales", Content: content}); err != nil {
			return err
		}
		for {
			if message, err := chat.Receive(); err != nil || message.GetContent() == content {
				return err
			}
		}
	}
	if err := say("before"); err != nil {
		return err
	}
	const serial = 3
	if _, err := p.authority.Issue(p.dir, serial); err != nil {
		return err
	}
	start := time.Now()
	for {
		served, err := p.serialAt(addr)
		if err != nil {
			return err
		}
		if served == serial {
			break
		}
		if time.Since(start) > 10*time.Second {
			return errors.New("the new certificate is not served")
		}
		time.Sleep(100 * time.Millisecond)
	}
	fmt.Printf("new connections get the new certificate, after %v\n", time.Since(start).Round(100*time.Millisecond))
	if err := say("after"); err != nil {
		return fmt.Errorf("the open stream: %w", err)
	}
	fmt.Println("the open stream goes on")
	return nil
}

// serialAt returns the serial number of the certificate that a server presents.
func (p *platform) serialAt(addr string) (int64, error) {
	pem, err := os.ReadFile(p.provider.CAFile)
	if err != nil {
		return 0, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, NextProtos: []string{"h2"}})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
}
