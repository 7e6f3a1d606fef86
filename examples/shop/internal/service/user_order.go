package service

import (
	"cmp"
	"slices"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// userKey is the sort key of a user: a page ends with one, and the next page starts after it. No
// two users have the same key.
type userKey struct {
	Name, Email string
	ID          int32
}

func keyOfUser(u *shopv1.User) userKey { return userKey{u.GetName(), u.GetEmail(), u.GetId()} }

// userOrder is the order of users: the order of the request and then the ID, so that it is always
// total.
type userOrder []page.Order

func parseUserOrder(text string) (userOrder, error) {
	return page.ParseOrder("order_by", text, "id", "name", "email")
}

// rows returns at most limit users after a key, or from the start. It sorts users.
func (o userOrder) rows(users []*shopv1.User, after *userKey, limit int) []*shopv1.User {
	slices.SortFunc(users, func(a, b *shopv1.User) int { return o.compare(keyOfUser(a), keyOfUser(b)) })
	if after != nil {
		// The user of the key may have been deleted; only its position matters.
		at, found := slices.BinarySearchFunc(users, *after, func(u *shopv1.User, key userKey) int { return o.compare(keyOfUser(u), key) })
		if found {
			at++
		}
		users = users[at:]
	}
	return users[:min(limit, len(users))]
}

// compare compares the positions of two users.
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
