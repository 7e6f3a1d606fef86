package page_test

import (
	"fmt"

	"github.com/grpcservice/grpcservice/runtime/page"
)

func ExampleColumns_Where() {
	orders, err := page.ParseOrder("order_by", "name desc, last_seen", "name", "last_seen")
	if err != nil {
		fmt.Println(err)
		return
	}
	columns, err := page.OrderColumns(orders, map[string]page.Column{
		"name":      {Name: "name"},
		"last_seen": {Name: "last_seen_at", Nulls: page.NullsLast},
	}, page.Column{Name: "id"})
	if err != nil {
		fmt.Println(err)
		return
	}
	where, args, err := columns.Where(page.Dollar, 1, &page.Tuple{"Ada", "1815-12-10", 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(where)
	fmt.Println(args...)
	fmt.Println(columns.OrderBy())
	// Output:
	// (name <= $2 AND (name < $3 OR (name = $4 AND (last_seen_at > $5 OR last_seen_at IS NULL OR (last_seen_at = $6 AND (id > $7))))))
	// Ada Ada Ada 1815-12-10 1815-12-10 7
	// name DESC, last_seen_at NULLS LAST, id
}
