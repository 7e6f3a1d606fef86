package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	service "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1/policyv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// policyService is a service of policy.v1, as both generators make its ends. All of them have the
// methods of KindsService.
type policyService struct {
	register      func(grpc.ServiceRegistrar, kindsv1service.KindsService)
	registerStock func(grpc.ServiceRegistrar, kindsv1service.KindsService)
	stub          func(grpc.ClientConnInterface) kindsv1service.KindsService
	stockClient   func(grpc.ClientConnInterface) kindsv1service.KindsService
	config        func() client.Option
}

// policied makes a policyService of what is generated for one.
func policied[Ours, Stock, StockClient any](
	register func(grpc.ServiceRegistrar, Ours), registerStock func(grpc.ServiceRegistrar, Stock),
	stub func(grpc.ClientConnInterface) Ours, newStockClient func(grpc.ClientConnInterface) StockClient,
	config func() client.Option,
) policyService {
	return policyService{
		register: func(r grpc.ServiceRegistrar, svc kindsv1service.KindsService) { register(r, svc.(Ours)) },
		registerStock: func(r grpc.ServiceRegistrar, svc kindsv1service.KindsService) {
			registerStock(r, any(stockServer{svc: svc}).(Stock))
		},
		stub: func(conn grpc.ClientConnInterface) kindsv1service.KindsService {
			return any(stub(conn)).(kindsv1service.KindsService)
		},
		stockClient: func(conn grpc.ClientConnInterface) kindsv1service.KindsService {
			return stockClient{any(newStockClient(conn)).(kindsv1.KindsServiceClient)}
		},
		config: config,
	}
}

var policyServices = map[string]policyService{
	"SilentService": policied(service.RegisterSilentService, policyv1.RegisterSilentServiceServer,
		service.NewSilentServiceClient, policyv1.NewSilentServiceClient, service.SilentServiceConfig),
	"PublicService": policied(service.RegisterPublicService, policyv1.RegisterPublicServiceServer,
		service.NewPublicServiceClient, policyv1.NewPublicServiceClient, service.PublicServiceConfig),
	"KnownService": policied(service.RegisterKnownService, policyv1.RegisterKnownServiceServer,
		service.NewKnownServiceClient, policyv1.NewKnownServiceClient, service.KnownServiceConfig),
	"ScopesService": policied(service.RegisterScopesService, policyv1.RegisterScopesServiceServer,
		service.NewScopesServiceClient, policyv1.NewScopesServiceClient, service.ScopesServiceConfig),
	"RateService": policied(service.RegisterRateService, policyv1.RegisterRateServiceServer,
		service.NewRateServiceClient, policyv1.NewRateServiceClient, service.RateServiceConfig),
	"PrincipalRateService": policied(service.RegisterPrincipalRateService, policyv1.RegisterPrincipalRateServiceServer,
		service.NewPrincipalRateServiceClient, policyv1.NewPrincipalRateServiceClient, service.PrincipalRateServiceConfig),
	"PeerRateService": policied(service.RegisterPeerRateService, policyv1.RegisterPeerRateServiceServer,
		service.NewPeerRateServiceClient, policyv1.NewPeerRateServiceClient, service.PeerRateServiceConfig),
	"NarrowService": policied(service.RegisterNarrowService, policyv1.RegisterNarrowServiceServer,
		service.NewNarrowServiceClient, policyv1.NewNarrowServiceClient, service.NarrowServiceConfig),
	"HastyService": policied(service.RegisterHastyService, policyv1.RegisterHastyServiceServer,
		service.NewHastyServiceClient, policyv1.NewHastyServiceClient, service.HastyServiceConfig),
	"BriefService": policied(service.RegisterBriefService, policyv1.RegisterBriefServiceServer,
		service.NewBriefServiceClient, policyv1.NewBriefServiceClient, service.BriefServiceConfig),
	"PatientService": policied(service.RegisterPatientService, policyv1.RegisterPatientServiceServer,
		service.NewPatientServiceClient, policyv1.NewPatientServiceClient, service.PatientServiceConfig),
	"SmallService": policied(service.RegisterSmallService, policyv1.RegisterSmallServiceServer,
		service.NewSmallServiceClient, policyv1.NewSmallServiceClient, service.SmallServiceConfig),
	"DiscreetService": policied(service.RegisterDiscreetService, policyv1.RegisterDiscreetServiceServer,
		service.NewDiscreetServiceClient, policyv1.NewDiscreetServiceClient, service.DiscreetServiceConfig),
	"LoudService": policied(service.RegisterLoudService, policyv1.RegisterLoudServiceServer,
		service.NewLoudServiceClient, policyv1.NewLoudServiceClient, service.LoudServiceConfig),
	"RetriedService": policied(service.RegisterRetriedService, policyv1.RegisterRetriedServiceServer,
		service.NewRetriedServiceClient, policyv1.NewRetriedServiceClient, service.RetriedServiceConfig),
	"HedgedService": policied(service.RegisterHedgedService, policyv1.RegisterHedgedServiceServer,
		service.NewHedgedServiceClient, policyv1.NewHedgedServiceClient, service.HedgedServiceConfig),
	"ZeroService": policied(service.RegisterZeroService, policyv1.RegisterZeroServiceServer,
		service.NewZeroServiceClient, policyv1.NewZeroServiceClient, service.ZeroServiceConfig),
	"FullService": policied(service.RegisterFullService, policyv1.RegisterFullServiceServer,
		service.NewFullServiceClient, policyv1.NewFullServiceClient, service.FullServiceConfig),
}

// policyEnd is one way to serve a policyService and one way to call it.
type policyEnd struct {
	name     string
	register func(policyService) func(grpc.ServiceRegistrar, kindsv1service.KindsService)
	connect  func(*testing.T, *policyServer, policyService) kindsv1service.KindsService
	ours     bool // the client
	near     bool // without a network, so that grpc retries nothing
}

var policyEnds = []policyEnd{
	{"our server, our client", ourServer, ourClient, true, false},
	{"our server, stock client", ourServer, jsonClient, false, false},
	{"our server with a stock service, stock client", ourServerOfStock, jsonClient, false, false},
	{"our server, stock client, no network", ourServer, nearClient, false, true},
}

func ourServer(s policyService) func(grpc.ServiceRegistrar, kindsv1service.KindsService) {
	return s.register
}

func ourServerOfStock(s policyService) func(grpc.ServiceRegistrar, kindsv1service.KindsService) {
	return s.registerStock
}

// ourClient connects as users of ours do.
func ourClient(t *testing.T, srv *policyServer, s policyService) kindsv1service.KindsService {
	return s.stub(connect(t, srv.addr, s.config()))
}

// jsonClient connects as users of protoc-gen-go-grpc with our service config do.
func jsonClient(t *testing.T, srv *policyServer, s policyService) kindsv1service.KindsService {
	t.Helper()
	config, err := client.ServiceConfigJSON(s.config())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(srv.addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(config))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return s.stockClient(conn)
}

// plainClient connects as users of protoc-gen-go-grpc without policies do.
func plainClient(t *testing.T, srv *policyServer, s policyService) kindsv1service.KindsService {
	return s.stockClient(connect(t, srv.addr))
}

// nearClient calls without a network, and without what our client knows of policies.
func nearClient(_ *testing.T, srv *policyServer, s policyService) kindsv1service.KindsService {
	return s.stockClient(srv.conn)
}

// byToken authenticates callers that send their name and their scopes as a token: "ada read write".
var byToken = server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
	tokens := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(tokens) == 0 {
		return nil, nil
	}
	fields := strings.Fields(tokens[0])
	return runtime.NewPrincipal(fields[0], fields[1:]...), nil
})

// as returns a context whose calls are made with the token; without credentials if it is empty.
func as(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", token)
}

// undated returns a context without a deadline, which would be one of the client's. It ends when
// the test has waited enough.
func undated(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	enough := time.AfterFunc(patience, cancel)
	t.Cleanup(func() {
		enough.Stop()
		cancel()
	})
	return ctx
}

// policyServer is a server of one policyService, with its log.
type policyServer struct {
	addr string
	conn grpc.ClientConnInterface // without a network
	stop func()
	log  *logBook
}

// servePolicy serves svc until stop, or until the test ends.
func servePolicy(t *testing.T, register func(grpc.ServiceRegistrar, kindsv1service.KindsService), svc kindsv1service.KindsService) *policyServer {
	t.Helper()
	log := new(logBook)
	srv := server.New(server.WithDrainDelay(0), server.WithAuthenticator(byToken),
		server.WithLogger(slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	register(srv, svc)
	lis := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := within(t, served); err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	t.Cleanup(stop)
	return &policyServer{addr: lis.Addr().String(), conn: srv.Conn(), stop: stop, log: log}
}

// logBook keeps a log.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *logBook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

// logRecord is what the log says of a call.
type logRecord struct{ Level, Msg, Method, Code, Principal, Error string }

// calls returns the records of calls of one method.
func (b *logBook) calls(t *testing.T, method string) (found []logRecord) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.text.String()) {
		var record logRecord
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if record.Msg == "rpc" && strings.HasSuffix(record.Method, "/"+method) {
			found = append(found, record)
		}
	}
	return found
}
