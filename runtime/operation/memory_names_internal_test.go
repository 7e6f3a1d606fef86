package operation

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestNameSet adds and removes names at random, and compares with a sorted slice. That the blocks
// are neither large nor many is what makes the time of a change independent of the number of
// names.
func TestNameSet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var s nameSet
	var want []string
	for step := range 60_000 {
		name := "operations/" + strconv.Itoa(random.IntN(40_000))
		at, ok := slices.BinarySearch(want, name)
		shrinks := step > 30_000 && random.IntN(4) > 0
		switch {
		case !ok && !shrinks:
			s.add(name)
			want = slices.Insert(want, at, name)
		case ok && shrinks:
			s.remove(name)
			want = slices.Delete(want, at, at+1)
		case !ok:
			s.remove(name)
		}
		if step%500 == 0 {
			checkNames(t, &s, want)
		}
	}
	for len(want) > 0 {
		at := random.IntN(len(want))
		s.remove(want[at])
		want = slices.Delete(want, at, at+1)
	}
	checkNames(t, &s, want)
	if len(s.blocks) != 0 {
		t.Errorf("%d blocks are left of no names", len(s.blocks))
	}
}

func checkNames(t *testing.T, s *nameSet, want []string) {
	t.Helper()
	if got := slices.Collect(s.from("")); !slices.Equal(got, want) {
		t.Fatalf("%d names, want %d in their order", len(got), len(want))
	}
	if len(want) > 0 {
		middle := want[len(want)/2]
		for _, from := range []string{middle, middle + "0", middle[:len(middle)-1], "z"} {
			first, _ := slices.BinarySearch(want, from)
			if got := slices.Collect(s.from(from)); !slices.Equal(got, want[first:]) {
				t.Fatalf("%d names from %q on, want %d", len(got), from, len(want)-first)
			}
		}
	}
	for i, block := range s.blocks {
		if len(block) == 0 || len(block) > maxBlock {
			t.Fatalf("block %d has %d names", i, len(block))
		}
	}
	if most := 1 + len(want)/(maxBlock/8); len(s.blocks) > most {
		t.Fatalf("%d names are in %d blocks, want at most %d", len(want), len(s.blocks), most)
	}
}
