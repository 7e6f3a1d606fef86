package model

import (
	"slices"
	"testing"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
)

var (
	eventLog = pattern.Dependency{
		Name: "events", Package: pattern.Package{Name: "eventlog", Path: "example.com/eventlog"},
		Type: "Log", New: "New", Store: "NewMemory", Doc: "that reads events from logs",
	}
	manager = pattern.Dependency{
		Name: "operations", Package: pattern.Package{Name: "operation", Path: "example.com/operation"},
		Type: "Manager", New: "NewManager", Register: "Register", RequiresAuthentication: true,
		Doc: "whose operations the manager stores and runs",
	}
)

// dependent returns a service with one RPC for each dependency.
func dependent(name string, all ...Dependency) Service {
	svc := Service{Names: Names{Interface: golang.Ident{Name: name}}, Name: name, FullName: name}
	for _, d := range all {
		svc.Methods = append(svc.Methods, Method{Helper: &Helper{Dependency: &d}})
	}
	return svc
}

// logOf returns the event log of a message.
func logOf(message string) Dependency {
	return Dependency{Dependency: eventLog, Types: []golang.Ident{{Name: message}}}
}

func namesOf(all Dependencies) (names []string) {
	for _, d := range all {
		name := d.Name
		for _, t := range d.Types {
			name += " " + t.Name
		}
		names = append(names, name)
	}
	return names
}

// TestDependencies checks that a value shared by several RPCs is one parameter, and that values of
// different types have different names.
func TestDependencies(t *testing.T) {
	services := Implementations([]File{{Services: []Service{
		dependent("Orders", logOf("Order"), Dependency{Dependency: manager}, logOf("Invoice"), logOf("Order")),
		dependent("Carts", logOf("Cart"), logOf("Order")),
		dependent("Plain"),
	}}})
	for i, want := range [][]string{
		{"events Order", "operations", "events2 Invoice"}, {"events Cart", "events2 Order"}, nil,
	} {
		if got := namesOf(services[i].Dependencies()); !slices.Equal(got, want) {
			t.Errorf("%s depends on %q, want %q", services[i].Name, got, want)
		}
	}
	var methods []string
	for _, m := range services[0].Methods {
		methods = append(methods, m.Helper.Dependency.Name)
	}
	if want := []string{"events", "operations", "events2", "events"}; !slices.Equal(methods, want) {
		t.Errorf("the methods of Orders use %q, want %q", methods, want)
	}
	offered := Offered(services, []pattern.Pattern{{Needs: pattern.Needs{Dependency: &manager}}})
	want := []string{"events Order", "operations", "events2 Invoice", "events3 Cart"}
	if got := namesOf(offered); !slices.Equal(got, want) {
		t.Errorf("a program has %q, want %q", got, want)
	}
}

// TestAppDependencies checks that a program creates exactly what its constructors take and what
// must be registered: Go rejects unused variables.
func TestAppDependencies(t *testing.T) {
	orders := Implementations([]File{{Services: []Service{
		dependent("Orders", logOf("Order"), Dependency{Dependency: manager}),
	}}})[0]
	for _, tt := range []struct {
		arguments Dependencies
		want      []string
	}{
		{orders.Dependencies(), []string{"events Order", "operations"}},
		{nil, []string{"operations"}}, // the constructor is not called
	} {
		app := App{Services: []AppService{{Implementation: orders, Arguments: tt.arguments}}}
		if got := namesOf(app.Dependencies()); !slices.Equal(got, tt.want) || !app.RequiresAuthentication() {
			t.Errorf("with %q a program makes %q, want %q", namesOf(tt.arguments), got, tt.want)
		}
	}
}

func TestConstructorDoc(t *testing.T) {
	i := Implementations([]File{{Services: []Service{
		dependent("Orders", logOf("Order"), Dependency{Dependency: manager}, logOf("Invoice")),
	}}})[0]
	want := []string{
		"NewOrders returns an Orders that reads events from logs and whose operations the manager stores",
		"and runs.",
	}
	if got := i.ConstructorDoc(); !slices.Equal(got, want) {
		t.Errorf("ConstructorDoc returned %q, want %q", got, want)
	}
}
