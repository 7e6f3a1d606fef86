package service

import shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"

// Catalogue returns what the example sells.
func Catalogue() []*shopv1.Product {
	return []*shopv1.Product{
		{Id: 1, Name: "Espresso machine", Category: "coffee", PriceCents: 24900},
		{Id: 2, Name: "Coffee grinder", Category: "coffee", PriceCents: 8950},
		{Id: 3, Name: "Teapot", Category: "tea", PriceCents: 3200},
		{Id: 4, Name: "Green tea, 100 g", Category: "tea", PriceCents: 790},
		{Id: 5, Name: "Coffee beans, 1 kg", Category: "coffee", PriceCents: 1890},
		{Id: 6, Name: "Milk jug", Category: "kitchen", PriceCents: 1450},
	}
}
