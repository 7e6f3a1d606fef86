package conform_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"

	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/endpointslice"
	"github.com/grpcservice/grpcservice/runtime/endpointslice/apiservertest"
)

// TestFakeAPIServer checks that what the API server of package apiservertest sends has the types of
// Kubernetes.
func TestFakeAPIServer(t *testing.T) {
	s := apiservertest.Start(t)
	s.Put(apiservertest.Slice{
		Namespace: "shop", Name: "books", Service: "books",
		Ports: []apiservertest.Port{{Name: "grpc", Protocol: "TCP", Port: 9000}},
		Endpoints: []apiservertest.Endpoint{{
			Addresses: []string{"10.0.0.1"}, Conditions: apiservertest.State(true, true, false), Zone: "a",
			TargetRef: &apiservertest.TargetRef{Kind: "Pod", Name: "books-1", UID: "1"},
		}},
	})
	path := "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=kubernetes.io/service-name%3Dbooks"
	list := strictly[discoveryv1.EndpointSliceList](t, get(t, s, path))
	if len(list.Items) != 1 || list.Kind != "EndpointSliceList" || list.ResourceVersion == "" {
		t.Fatalf("the list is %+v", list)
	}
	slice := list.Items[0]
	if slice.Labels[discoveryv1.LabelServiceName] != "books" || slice.AddressType != discoveryv1.AddressTypeIPv4 ||
		*slice.Ports[0].Port != 9000 || !*slice.Endpoints[0].Conditions.Ready || *slice.Endpoints[0].Zone != "a" {
		t.Errorf("the slice is %+v", slice)
	}
	s.Forbid("list")
	if status := strictly[metav1.Status](t, get(t, s, path)); status.Code != 403 || status.Reason != metav1.StatusReasonForbidden {
		t.Errorf("the status is %+v", status)
	}
	event := strictly[struct {
		Type   string                    `json:"type"`
		Object discoveryv1.EndpointSlice `json:"object"`
	}](t, get(t, s, path+"&watch=1&timeoutSeconds=1&resourceVersion=1"))
	if event.Type != "ADDED" || event.Object.Name != "books" {
		t.Errorf("the event is %+v", event)
	}
}

// TestResolverReadsTheTypes checks that the resolver reads the fields of a slice of Kubernetes.
func TestResolverReadsTheTypes(t *testing.T) {
	yes, port, zone, grpc := true, int32(9000), "a", "grpc"
	list := discoveryv1.EndpointSliceList{
		TypeMeta: metav1.TypeMeta{Kind: "EndpointSliceList", APIVersion: "discovery.k8s.io/v1"},
		ListMeta: metav1.ListMeta{ResourceVersion: "7"},
		Items: []discoveryv1.EndpointSlice{{
			ObjectMeta:  metav1.ObjectMeta{Name: "books", ResourceVersion: "5"},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: &grpc, Port: &port}},
			Endpoints: []discoveryv1.Endpoint{
				{Addresses: []string{"10.0.0.1"}, Zone: &zone, TargetRef: &corev1.ObjectReference{UID: "1"}},
				{Addresses: []string{"10.0.0.2"}, Conditions: discoveryv1.EndpointConditions{Terminating: &yes}},
			},
		}},
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	s := apiservertest.Start(t)
	s.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("watch") {
			return false
		}
		_, _ = w.Write(text)
		return true
	})
	builder := endpointslice.NewResolver(endpointslice.WithAPIServer(s.URL()),
		endpointslice.WithTokenFile(s.TokenFile()), endpointslice.WithCAFile(s.CAFile()))
	target, _ := url.Parse("endpointslice:///shop/books:grpc")
	states := make(firstState, 1)
	r, err := builder.Build(resolver.Target{URL: *target}, states, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	select {
	case state := <-states:
		if e := state.Endpoints; len(e) != 1 || e[0].Addresses[0].Addr != "10.0.0.1:9000" || endpoint.Zone(e[0]) != "a" {
			t.Errorf("the endpoints are %v", e)
		}
	case <-time.After(2 * time.Minute):
		t.Error("no endpoints")
	}
}

// firstState is the connection of a resolver that waits for its first state.
type firstState chan resolver.State

func (s firstState) UpdateState(state resolver.State) error {
	select {
	case s <- state:
	default:
	}
	return nil
}

func (firstState) ReportError(error) {}

func (firstState) NewAddress([]resolver.Address) {}

func (firstState) ParseServiceConfig(string) *serviceconfig.ParseResult { return nil }

// get returns the body of a response of an API server.
func get(t *testing.T, s *apiservertest.Server, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.URL()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(s.TokenFile())
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+string(token))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// strictly decodes JSON, and fails on unknown fields.
func strictly[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	unknown, err := kjson.UnmarshalStrict([]byte(text), &v)
	if err = errors.Join(append(unknown, err)...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
