package page_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func TestParseOrder(t *testing.T) {
	for text, want := range map[string][]page.Order{
		"":                              nil,
		"  ":                            nil,
		"name":                          {{Field: "name"}},
		"name desc":                     {{Field: "name", Desc: true}},
		"  name\t,  author.born  desc ": {{Field: "name"}, {Field: "author.born", Desc: true}},
		"name,desc desc":                {{Field: "name"}, {Field: "desc", Desc: true}},
	} {
		got, err := page.ParseOrder("order_by", text, "name", "author.born", "desc")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestOrdersThatAreRejected(t *testing.T) {
	for text, want := range map[string]string{
		",":                       "has a comma without a name",
		"name,":                   "has a comma without a name",
		"name asc":                "has asc, which is the default; remove it after name",
		"name DESC":               `has "DESC" after name, where only desc is allowed`,
		"name desc desc":          `has "desc" after name`,
		"name; drop table users":  `has "name;"`,
		"age":                     `has "age"; it may have name, born`,
		"Name":                    `has "Name"`,
		"name, name desc":         "has name twice",
		strings.Repeat("x", 5000): `has "xxx`,
		strings.Repeat("x", 9000): "has 9000 bytes, must have at most 8192",
		strings.Repeat(" ", 9000): "has 9000 bytes, must have at most 8192",
	} {
		_, err := page.ParseOrder("request.order_by", text, "name", "born")
		wantInvalid(t, err, "request.order_by", page.ReasonOrderInvalid)
		description := rpcerr.FieldViolations(err)[0].Description
		if !strings.Contains(description, want) || !strings.HasSuffix(description, "; it may have name, born") || len(description) > 200 {
			t.Errorf("%.50q: %s; want %q, and what is allowed", text, description, want)
		}
	}
	_, err := page.ParseOrder("order_by", "name")
	wantInvalid(t, err, "order_by", page.ReasonOrderInvalid)
}

func TestOrdersAreWrittenAsTheyAreRead(t *testing.T) {
	for _, order := range []page.Order{{Field: "name"}, {Field: "name", Desc: true}} {
		if got, err := page.ParseOrder("", order.String(), "name"); err != nil || !slices.Equal(got, []page.Order{order}) {
			t.Errorf("%v: got %v, %v", order, got, err)
		}
	}
}

// FuzzParseOrder reads any text: what is read is allowed, and reads the same again.
func FuzzParseOrder(f *testing.F) {
	f.Add("name desc, born")
	f.Add(" ,asc,name\n")
	f.Fuzz(func(t *testing.T, text string) {
		orders, err := page.ParseOrder("order_by", text, "name", "born")
		if err != nil {
			wantInvalid(t, err, "order_by", page.ReasonOrderInvalid)
			return
		}
		var again []string
		for _, o := range orders {
			if o.Field != "name" && o.Field != "born" {
				t.Fatalf("%q was accepted", o.Field)
			}
			again = append(again, o.String())
		}
		if got, err := page.ParseOrder("order_by", strings.Join(again, ","), "name", "born"); err != nil || !slices.Equal(got, orders) {
			t.Fatalf("got %v, %v; want %v", got, err, orders)
		}
	})
}
