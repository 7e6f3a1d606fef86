// Command demo serves the shop, calls all of it, stops it, and shows what happens. It expects
// grpcurl on PATH; `make demo` sees to that.
package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// drainDelay is short, because there is no load balancer here.
const drainDelay = 500 * time.Millisecond

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := demo(ctx)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	fmt.Println("\nAll of it worked.")
}

// demo runs all steps. The server has stopped when demo returns.
func demo(ctx context.Context) error {
	bin, err := os.MkdirTemp("", "shop")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	title("Build the server and the client")
	if err := process.Build(ctx, bin, "server", "client"); err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	title("Start what an organization has: certificates, an identity provider, a collector, Redis")
	platform, err := startPlatform(ctx, bin)
	if err != nil {
		return err
	}
	defer platform.stop()

	title("Serve two replicas on free ports, with TLS")
	logs := make([]bytes.Buffer, 2) // read after the servers have stopped
	replicas, err := startReplicas(ctx, platform, bin, logs)
	if err == nil {
		err = play(ctx, platform, replicas, filepath.Join(bin, "client"))
	}
	if err == nil {
		err = playDurable(ctx, platform, bin)
	}
	for _, replica := range replicas {
		if err == nil {
			err = stop(ctx, platform, replica)
		}
		replica.Kill() // if a step failed
	}
	for i := range logs {
		title(fmt.Sprintf("What replica %d logged", i+1))
		fmt.Print(&logs[i])
	}
	return err
}

// startReplicas starts a replica for each log. The first supplies the others. If one does not
// start, those that run are returned with the error.
func startReplicas(ctx context.Context, p *platform, bin string, logs []bytes.Buffer) (replicas []*process.Server, err error) {
	supplier := ""
	for i := range logs {
		name := "shop-" + strconv.Itoa(i+1)
		replica, err := process.Start(ctx, filepath.Join(bin, "server"), &logs[i], p.environment(name, supplier),
			"-drain-delay", drainDelay.String(), "-web", "127.0.0.1:0", "-uploads", filepath.Join(bin, "uploads", strconv.Itoa(i)))
		if err != nil {
			return replicas, err
		}
		replicas = append(replicas, replica)
		supplier = replicas[0].Addr
		fmt.Printf("serving at %s, browsers at %s, admin page at %s\n", replica.Addr, replica.Web, replica.Admin)
	}
	return replicas, nil
}

// play calls the replicas in every way.
func play(ctx context.Context, p *platform, replicas []*process.Server, client string) error {
	addr := replicas[0].Addr
	title("Ask for the health of each service")
	if err := checkHealth(ctx, p, addr); err != nil {
		return err
	}
	title("Call every RPC with the generated client")
	if err := run(ctx, client, "-addr", addr, "-ca", p.provider.CAFile, "-issuer", p.provider.Issuer); err != nil {
		return err
	}
	if err := playReplicas(ctx, p, []string{addr, replicas[1].Addr}); err != nil {
		return err
	}
	title("A client follows a registry, to which a replica is added")
	if err := playRegistry(ctx, p, replicas); err != nil {
		return err
	}
	if err := playTelemetry(ctx, p, replicas); err != nil {
		return err
	}
	if err := playGrpcurl(ctx, p, addr); err != nil {
		return err
	}
	return playWeb(ctx, p, replicas[0])
}

// checkHealth requests the status of each service, as Kubernetes and load balancers do.
func checkHealth(ctx context.Context, p *platform, addr string) error {
	conn, err := client.Dial(addr, client.WithServerCAs(p.provider.CAFile))
	if err != nil {
		return err
	}
	defer conn.Close()
	client := healthpb.NewHealthClient(conn)
	for _, service := range []string{
		"",
		shopv1service.UserServiceName,
		shopv1service.ProductServiceName,
		shopv1service.OrderServiceName,
		shopv1service.BatchJobServiceName,
		shopv1service.AnalyticsServiceName,
		shopv1service.ChatServiceName,
		shopv1service.EventServiceName,
		shopv1service.LogServiceName,
		shopv1service.UploadServiceName,
		shopv1service.CollaborationServiceName,
		shopv1service.GameServiceName,
		operation.ServiceName,
	} {
		resp, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: service}, grpc.WaitForReady(true))
		if err != nil {
			return fmt.Errorf("health of %q: %w", service, err)
		}
		fmt.Printf("%-32s %s\n", cmp.Or(service, "the whole server"), resp.GetStatus())
		if resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return fmt.Errorf("health of %q: %s", service, resp.GetStatus())
		}
	}
	return nil
}

// stop sends SIGTERM to the server, as Kubernetes does, while watching its health, as a load
// balancer does.
func stop(ctx context.Context, p *platform, server *process.Server) error {
	title("Watch its health and stop it with SIGTERM")
	conn, err := client.Dial(server.Addr, client.WithServerCAs(p.provider.CAFile))
	if err != nil {
		return err
	}
	defer conn.Close()
	health, err := healthpb.NewHealthClient(conn).Watch(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return err
	}
	if err := wantHealth(health, healthpb.HealthCheckResponse_SERVING); err != nil {
		return err
	}
	start := time.Now()
	if err := server.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := wantHealth(health, healthpb.HealthCheckResponse_NOT_SERVING); err != nil {
		return err
	}
	if err := server.Wait(); err != nil {
		return fmt.Errorf("the server did not stop well: %w", err)
	}
	fmt.Printf("the server ended with status 0 after %v; for %v of them load balancers could notice\n", time.Since(start).Round(time.Millisecond), drainDelay)
	return nil
}

// wantHealth prints the next status of a Watch, which must be want.
func wantHealth(health grpc.ServerStreamingClient[healthpb.HealthCheckResponse], want healthpb.HealthCheckResponse_ServingStatus) error {
	resp, err := health.Recv()
	if err != nil {
		return fmt.Errorf("health watch: %w", err)
	}
	fmt.Println("health:", resp.GetStatus())
	if resp.GetStatus() != want {
		return fmt.Errorf("health watch: the status is %s, want %s", resp.GetStatus(), want)
	}
	return nil
}

// run runs a command, waits for it, and shows its output.
func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return nil
}

func title(text string) { fmt.Printf("\n== %s\n", text) }
