package service

import (
	"cmp"
	"slices"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// userKey is all that users can be ordered by: a page ends with one, and the next page begins behind it. No two users have the same.
type userKey struct {
	Name, Email string
	ID          int32
}

func keyOfUser(u *shopv1.User) userKey { return userKey{u.GetName(), u.GetEmail(), u.GetId()} }

// userOrder is what users are ordered by: what a request says, and then by id, so that it is an order whatever is said.
type userOrder []page.Order

func parseUserOrder(text string) (userOrder, error) {
	return page.ParseOrder("order_by", text, "id", "name", "email")
}

// rows returns at most limit users behind a key, or from the first one on. It sorts users.
func (o userOrder) rows(users []*shopv1.User, after *userKey, limit int) []*shopv1.User {
	slices.SortFunc(users, func(a, b *shopv1.User) int { return o.compare(keyOfUser(a), keyOfUser(b)) })
	if after != nil {
		// The user of the key may be gone by now: what counts is where it would be.
		at, found := slices.BinarySearchFunc(users, *after, func(u *shopv1.User, key userKey) int { return o.compare(keyOfUser(u), key) })
		if found {
			at++
		}
		users = users[at:]
	}
	return users[:min(limit, len(users))]
}

// compare says which of two users comes first.
func (o userOrder) compare(a, b userKey) int {
	for _, by := range o {
		c := compareBy(by.Field, a, b)
		if by.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(a.ID, b.ID)
}

func compareBy(field string, a, b userKey) int {
	switch field {
	case "name":
		return cmp.Compare(a.Name, b.Name)
	case "email":
		return cmp.Compare(a.Email, b.Email)
	default: // id
		return cmp.Compare(a.ID, b.ID)
	}
}
