package server

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestGrantsOfAStream holds how long a stream remembers resources, and how many.
func TestGrantsOfAStream(t *testing.T) {
	var k grants
	now := time.Now()
	k.add([]string{"a", "b"}, now)
	for after, want := range map[time.Duration][]string{
		0: {"c"}, grantLifetime - 1: {"c"}, grantLifetime: {"a", "b", "c"}, time.Hour: {"a", "b", "c"},
	} {
		if got := k.without([]string{"a", "b", "c"}, now.Add(after)); !slices.Equal(got, want) {
			t.Errorf("after %v it asks about %q, want %q", after, got, want)
		}
	}
	for i := range 10 * maxGrants {
		k.add([]string{fmt.Sprint(i)}, now)
		if len(k.until) > maxGrants {
			t.Fatalf("it remembers %d resources", len(k.until))
		}
	}
	many := make([]string, 3*maxGrants)
	for i := range many {
		many[i] = fmt.Sprint("m", i)
	}
	if k.add(many, now); len(k.until) > maxGrants {
		t.Errorf("it remembers %d resources of a request", len(k.until))
	}
}
