package model

import (
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/golang"
)

func TestSnakeCase(t *testing.T) {
	for name, want := range map[string]string{
		"BookService": "book_service", "HTTPService": "http_service", "ServiceV2": "service_v2", "S": "s", "Odd_Name": "odd_name",
		"Odd_name": "odd_name", "BookAPI": "book_api", "A1B": "a1_b",
	} {
		if got := SnakeCase(name); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
}

// TestTypeNames checks the type names of services in a given order.
func TestTypeNames(t *testing.T) {
	for services, want := range map[string]string{
		"a.v1.S b.v1.T":          "S T",
		"a.v1.S a.v2.S":          "S SV2",
		"a.v1.S a.v1beta1.S":     "S SV1beta1",
		"a.v1.S b.v1.S":          "S BS",
		"a.v1.S b.v1.S c.b.v1.S": "S BS S2",
		"S a.S":                  "S AS",
		"S NewS":                 "S NewS2",
	} {
		names := typeNames{taken: make(map[string]string)}
		var got []string
		for full := range strings.FieldsSeq(services) {
			name := full[strings.LastIndex(full, ".")+1:]
			got = append(got, names.of(Service{Names: Names{Interface: golang.Ident{Name: name}}, Name: name, FullName: full}))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("the types for %s are %s, want %s", services, got, want)
		}
	}
}
