package scaffold

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	n, err := namesOf("example.com/acme/book-shop/v2", "acme.book_shop.v1beta1.HTTPRouteService")
	if err != nil {
		t.Fatal(err)
	}
	want := names{
		Module: "example.com/acme/book-shop/v2", App: "book-shop", Service: "acme.book_shop.v1beta1.HTTPRouteService",
		Package: "acme.book_shop.v1beta1", Dir: "acme/book_shop/v1beta1", Proto: "acme/book_shop/v1beta1/http_route_service.proto",
		GoPackage: "bookshopv1beta1", Type: "HTTPRouteService", File: "http_route_service", Item: "HTTPRoute", Items: "HTTPRoutes",
		Field: "http_route", Fields: "http_routes", GoField: "HttpRoute", GoFields: "HttpRoutes", Noun: "http route", Nouns: "http routes",
	}
	if n != want {
		t.Errorf("got %+v,\nwant %+v", n, want)
	}
}

func TestNouns(t *testing.T) {
	for noun, want := range map[string][2]string{
		"Book": {"Books", "books"}, "Category": {"Categories", "categories"}, "Key": {"Keys", "keys"}, "Box": {"Boxes", "boxes"},
		"Address": {"Addresses", "addresses"}, "Batch": {"Batches", "batches"}, "ABTest": {"ABTests", "ab_tests"}, "V2User": {"V2Users", "v2_users"},
		"UserAPI": {"UserAPIs", "user_ap_is"},
	} {
		if got := plural(noun); got != want[0] || snake(got) != want[1] {
			t.Errorf("%s: %s, %s; want %q", noun, got, snake(got), want)
		}
	}
}

func TestBadNames(t *testing.T) {
	const module, service = "example.com/library", "library.v1.BookService"
	for _, tt := range []struct{ module, service, want string }{
		{"", service, "--module is missing; name the module of the repository, as in --module example.com/library"},
		{"example.com/a b", service, "it is not a module path"},
		{"/example.com", service, "it is not a module path"},
		{"example.com//a", service, "it is not a module path"},
		{"https://example.com/a", service, "it is not a module path"},
		{"example.com/a.", service, "it is not a module path"},
		{"../library", service, "it is not a module path"},
		{"crypto/library", service, "paths that start with crypto belong to the standard library"},
		{"example.com/library/v1", service, "only from /v2 on; remove /v1"},
		{"example.com/internal/library", service, "rename that element"},
		{module, "", "--service is missing"},
		{module, "BookService", "it is not a package and a service"},
		{module, "Library.v1.BookService", "it is not a package and a service"},
		{module, "library.v1.bookService", "it is not a package and a service"},
		{module, "library.v1.Book_Service", "it is not a package and a service"},
		{module, "library..BookService", "it is not a package and a service"},
		{module, "library.v1.Book", "name it BookService"},
		{module, "library.v1.Service", "put a noun before it"},
		{module, "library.BookService", "name it library.v1.BookService"},
		{module, "v1.BookService", "name it v1.v1.BookService"},
		{module, "type.v1.BookService", "type is a word of Go"},
		{module, "internal.v1.BookService", "internal is a word of Go"},
	} {
		if _, err := namesOf(tt.module, tt.service); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, %q: got %v, want …%s…", tt.module, tt.service, err, tt.want)
		}
	}
}
