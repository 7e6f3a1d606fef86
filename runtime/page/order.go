package page

import (
	"fmt"
	"slices"
	"strings"
)

// Order is one field that a list is ordered by.
type Order struct {
	Field string
	Desc  bool
}

// String returns the order as requests write it: "name", "name desc".
func (o Order) String() string {
	if o.Desc {
		return o.Field + " desc"
	}
	return o.Field
}

// ParseOrder reads the text of an order_by field (AIP-132): names with commas between them, each with desc behind it for the
// other direction, such as "name, create_time desc"; spaces do not matter. An empty text is no order.
//
//	orders, err := page.ParseOrder("order_by", req.GetOrderBy(), "name", "create_time")
//
// field is the path of the field that the text is from. A name that is not among those allowed, one that comes twice, and what
// cannot be read, and texts of more than 8 KiB, are INVALID_ARGUMENT, reason ORDER_INVALID, with a violation that says what is allowed.
func ParseOrder(field, text string, allowed ...string) ([]Order, error) {
	if len(text) > maxOrder {
		return nil, refuseOrder(field, fmt.Sprintf("has %d bytes, of at most %d", len(text), maxOrder), allowed)
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var orders []Order
	for part := range strings.SplitSeq(text, ",") {
		order, what := parseOrder(part, allowed)
		if what == "" && slices.ContainsFunc(orders, func(o Order) bool { return o.Field == order.Field }) {
			what = fmt.Sprintf("has %s twice", order.Field)
		}
		if what != "" {
			return nil, refuseOrder(field, what, allowed)
		}
		orders = append(orders, order)
	}
	return orders, nil
}

// maxOrder is how long an order may be, in bytes.
const maxOrder = 8 << 10

// parseOrder reads one field of an order, or says what is wrong with it.
func parseOrder(part string, allowed []string) (order Order, wrong string) {
	words := strings.Fields(part)
	switch {
	case len(words) == 0:
		return order, "has a comma with no name beside it"
	case !slices.Contains(allowed, words[0]):
		return order, fmt.Sprintf("has %.100q", words[0])
	case len(words) == 2 && words[1] == "desc":
		return Order{words[0], true}, ""
	case len(words) == 2 && words[1] == "asc":
		return order, fmt.Sprintf("has asc, which is what %s is without it", words[0])
	case len(words) > 1:
		return order, fmt.Sprintf("has %.100q behind %s, where only desc may be", words[1], words[0])
	}
	return Order{Field: words[0]}, ""
}

// refuseOrder says what is wrong with an order, and what would be right.
func refuseOrder(field, what string, allowed []string) error {
	may := "; it may have " + strings.Join(allowed, ", ")
	if len(allowed) == 0 {
		may = "; it must be empty"
	}
	return refuse(ReasonOrderInvalid, field, what+may).WithMetadata("allowed", strings.Join(allowed, ","))
}
