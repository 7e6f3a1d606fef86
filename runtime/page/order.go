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

// String returns the order in the form of requests: "name", "name desc".
func (o Order) String() string {
	if o.Desc {
		return o.Field + " desc"
	}
	return o.Field
}

// ParseOrder parses an order_by field (AIP-132): names separated by commas, each with an optional
// desc, such as "name, create_time desc". Spaces are ignored. An empty text is no order.
//
//	orders, err := page.ParseOrder("order_by", req.GetOrderBy(), "name", "create_time")
//
// field is the path of the field in the request. A name that is not allowed, a name that occurs
// twice, a syntax error, or a text of more than 8 KiB is INVALID_ARGUMENT, reason ORDER_INVALID,
// with a violation that lists what is allowed.
func ParseOrder(field, text string, allowed ...string) ([]Order, error) {
	if len(text) > maxOrder {
		return nil, invalidOrder(field, fmt.Sprintf("has %d bytes, must have at most %d", len(text), maxOrder), allowed)
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
			return nil, invalidOrder(field, what, allowed)
		}
		orders = append(orders, order)
	}
	return orders, nil
}

// maxOrder is the maximum length of an order in bytes.
const maxOrder = 8 << 10

// parseOrder parses one field of an order. wrong describes a mistake in it.
func parseOrder(part string, allowed []string) (order Order, wrong string) {
	words := strings.Fields(part)
	switch {
	case len(words) == 0:
		return order, "has a comma without a name"
	case !slices.Contains(allowed, words[0]):
		return order, fmt.Sprintf("has %.100q", words[0])
	case len(words) == 2 && words[1] == "desc":
		return Order{words[0], true}, ""
	case len(words) == 2 && words[1] == "asc":
		return order, fmt.Sprintf("has asc, which is the default; remove it after %s", words[0])
	case len(words) > 1:
		return order, fmt.Sprintf("has %.100q after %s, where only desc is allowed", words[1], words[0])
	}
	return Order{Field: words[0]}, ""
}

// invalidOrder returns the error of an order, with what is allowed.
func invalidOrder(field, what string, allowed []string) error {
	may := "; it may have " + strings.Join(allowed, ", ")
	if len(allowed) == 0 {
		may = "; it must be empty"
	}
	return invalidField(ReasonOrderInvalid, field, what+may).WithMetadata("allowed", strings.Join(allowed, ","))
}
