package mcp

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime/debug"
	"slices"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Tools serves the tools of a server. It is an [net/http.Handler] for any path, and safe for
// concurrent use.
type Tools struct {
	config  *config
	server  *server.Server
	conn    grpc.ClientConnInterface
	sdk     *sdk.Server
	handler handler
	busy    busy
}

// New returns the tools of the services that are registered with a server. It returns an error if
// an option is wrong, two RPCs have the same tool, an RPC cannot be a tool, or no RPC is one.
func New(srv *server.Server, opts ...Option) (*Tools, error) {
	c := newConfig(opts)
	t := &Tools{config: c, server: srv, conn: srv.Conn(server.WithPeer(peerOf))}
	t.sdk = sdk.NewServer(&sdk.Implementation{Name: c.name, Version: c.version}, &sdk.ServerOptions{
		Instructions: c.instructions,
		Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}},
	})
	if err := errors.Join(append(c.errs, t.addAll(srv.Status())...)...); err != nil {
		return nil, err
	}
	t.handler = t.newHandler()
	return t, nil
}

// addAll adds the tools of all services.
func (t *Tools) addAll(status server.Status) (errs []error) {
	operations := waiterOf(t.conn, status)
	byName := make(map[string]runtime.MethodInfo)
	for _, service := range status.Services {
		for _, m := range service.Methods {
			name := m.Info.Policy.Tool.Name
			if name == "" {
				continue
			}
			if first, taken := byName[name]; taken {
				errs = append(errs, fmt.Errorf("%s and %s are both the tool %q; change tool.name of one of them",
					first.FullMethod[1:], m.Info.FullMethod[1:], name))
				continue
			}
			byName[name] = m.Info
			if err := t.add(m.Info, operations); err != nil {
				errs = append(errs, fmt.Errorf("the tool %q: %w", name, err))
			}
		}
	}
	if len(byName) == 0 {
		errs = append(errs, errors.New("no RPC of the server is a tool; set tool.name in the policy of "+
			"each RPC that agents may call, and register the services before"))
	}
	return errs
}

// add adds the tool of an RPC.
func (t *Tools) add(info runtime.MethodInfo, operations *waiter) error {
	if info.Descriptor == nil {
		return fmt.Errorf("the program does not link the proto of %s; import its Go package", info.FullMethod[1:])
	}
	tool := &tool{
		info: info, config: t.config, conn: t.conn, panicked: t.server.HandlePanic,
		draining: t.server.Host().Draining(),
		input:    typeOf(info.Descriptor.Input()), output: typeOf(info.Descriptor.Output()),
	}
	switch {
	case info.Kind == runtime.KindServerStream:
		tool.call = tool.callStream
	case info.Kind != runtime.KindUnary:
		return fmt.Errorf("%s streams requests; remove tool.name from its policy", info.FullMethod[1:])
	case startsOperation(info):
		if operations == nil {
			return fmt.Errorf("%s starts operations, and the server does not serve %s; call operation.Register before",
				info.FullMethod[1:], operationsService)
		}
		tool.operations, tool.result = operations, resultOf(info)
		tool.call = tool.callOperation
	default:
		tool.call = tool.callUnary
	}
	t.sdk.AddTool(tool.describe(), tool.serve)
	return nil
}

// Names returns the names of the tools, sorted.
func (t *Tools) Names() []string {
	var names []string
	for _, service := range t.server.Status().Services {
		for _, m := range service.Methods {
			if name := m.Info.Policy.Tool.Name; name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Serve serves one agent over a transport of the SDK. It returns nil when the agent closes the
// transport, and the error of ctx when that ends; either cancels the calls that are running. The
// calls have the metadata of [WithMetadata].
func (t *Tools) Serve(ctx context.Context, transport sdk.Transport) error {
	// The SDK waits for running calls when ctx ends, and does not cancel them.
	of := &request{done: ctx, metadata: t.config.metadata}
	return t.sdk.Run(context.WithValue(ctx, requestKey{}, of), transport)
}

// ServeStdio serves the program that has started this one over standard input and output, as [Tools.Serve]
// does: until the program closes them or ctx ends. Nothing else may be written to standard output: log to standard error.
// The calls have the metadata of [WithMetadata].
func (t *Tools) ServeStdio(ctx context.Context) error {
	return t.Serve(ctx, &sdk.StdioTransport{MaxLineLength: int(t.config.maxRequestBytes)})
}

// annotations returns the hints about a tool.
func annotations(p policy.Policy) *sdk.ToolAnnotations {
	isReadOnly := p.Idempotency == policy.NoSideEffects
	isDestructive := !isReadOnly && !p.Tool.Additive
	return &sdk.ToolAnnotations{
		ReadOnlyHint: isReadOnly, DestructiveHint: &isDestructive,
		IdempotentHint: p.Idempotency != policy.IdempotencyUnknown || p.Retry.MaxAttempts > 0,
	}
}

// programName returns the name and the version of the program's module.
func programName() (name, version string) {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path == "" {
		return "grpcservice", "(devel)"
	}
	return path.Base(info.Main.Path), info.Main.Version
}
