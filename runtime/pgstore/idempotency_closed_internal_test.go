package pgstore

import (
	"context"
	"errors"
	"testing"
)

// closedDB is a counter whose database is closed.
type closedDB struct{ counter }

func (closedDB) run(context.Context, func(context.Context) error) error { return errClosed }

// TestCountsAfterClose has each call after Close fail at once, not only the first.
func TestCountsAfterClose(t *testing.T) {
	s := &keyShares{limit: 1 << 20}
	for range 3 {
		if err := s.count(t.Context(), closedDB{}); !errors.Is(err, errClosed) {
			t.Fatalf("count: %v, want that the database is closed", err)
		}
	}
}
