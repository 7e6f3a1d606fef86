package diff

import "slices"

// pair is a line that both texts have.
type pair struct{ a, b int }

// follows reports whether nothing is between two pairs.
func (p pair) follows(q pair) bool { return p.a == q.a+1 && p.b == q.b+1 }

// common returns lines that two texts have in common, in their order, between a pair before the
// first lines and one after the last.
func common(a, b []string) []pair {
	kept := []pair{{-1, -1}}
	first := 0
	for first < len(a) && first < len(b) && a[first] == b[first] {
		kept = append(kept, pair{first, first})
		first++
	}
	endA, endB := len(a), len(b)
	for endA > first && endB > first && a[endA-1] == b[endB-1] {
		endA, endB = endA-1, endB-1
	}
	for _, p := range shortest(a[first:endA], b[first:endB]) {
		kept = append(kept, pair{first + p.a, first + p.b})
	}
	for ; endA < len(a); endA, endB = endA+1, endB+1 {
		kept = append(kept, pair{endA, endB})
	}
	return append(kept, pair{len(a), len(b)})
}

// mostEdits is how many removed and added lines are minimized. The memory grows with its square.
const mostEdits = 1000

// shortest returns the lines that a shortest list of edits keeps, or none if it is longer than
// mostEdits. Source: Myers, An O(ND) Difference Algorithm and Its Variations, 1986.
func shortest(a, b []string) []pair {
	const middle = mostEdits + 1
	reach := make([]int32, 2*middle+1) // how far in a each diagonal gets, by its number plus middle
	var trace [][]int32                // reach from -edits to edits, before each edit
	for edits := 0; edits <= min(mostEdits, len(a)+len(b)); edits++ {
		trace = append(trace, slices.Clone(reach[middle-edits:middle+edits+1]))
		for diagonal := -edits; diagonal <= edits; diagonal += 2 {
			at := middle + diagonal
			x := reach[at-1] + 1
			if diagonal == -edits || diagonal != edits && reach[at-1] < reach[at+1] {
				x = reach[at+1]
			}
			i := int(x)
			for j := i - diagonal; i < len(a) && j < len(b) && a[i] == b[j]; j++ {
				i++
			}
			reach[at] = int32(i)
			if i >= len(a) && i-diagonal >= len(b) {
				return walkBack(trace, len(a), len(b))
			}
		}
	}
	return nil
}

// walkBack returns the kept lines of the edits whose reach is in trace.
func walkBack(trace [][]int32, i, j int) (kept []pair) {
	for edits := len(trace) - 1; edits >= 0; edits-- {
		reach := func(diagonal int) int { return int(trace[edits][diagonal+edits]) }
		fromI, fromJ := 0, 0
		if edits > 0 {
			diagonal := i - j
			from := diagonal - 1
			if diagonal == -edits || diagonal != edits && reach(diagonal-1) < reach(diagonal+1) {
				from = diagonal + 1
			}
			fromI = reach(from)
			fromJ = fromI - from
		}
		for i > fromI && j > fromJ {
			i, j = i-1, j-1
			kept = append(kept, pair{i, j})
		}
		i, j = fromI, fromJ
	}
	slices.Reverse(kept)
	return kept
}
