package page

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

// ErrMoreItems reports that a list has more items than the maximum of [Collect].
var ErrMoreItems = errors.New("there are more items")

// Collect returns the items of a range over [Method.All], at most max of them: all are in memory
// at once. If there are more, it returns the first max and [ErrMoreItems]. If the range fails, it
// returns the items before the failure and the error.
//
//	users, err := page.Collect(shopv1service.UserServiceListUsers.All(ctx, client, req), 10_000)
func Collect[T any](items iter.Seq2[T, error], max int) ([]T, error) {
	var all []T
	var failure error
	ignored := each.Range(items, func() { slog.Warn(each.LateYield) }, func(item T, err error) bool {
		switch {
		case err != nil:
			failure = err
		case len(all) >= max:
			failure = fmt.Errorf("page: %w than %d", ErrMoreItems, max)
		default:
			all = append(all, item)
		}
		return failure == nil
	})
	return all, cmp.Or(failure, ignored)
}
