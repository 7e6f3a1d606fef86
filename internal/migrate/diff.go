package migrate

import (
	"fmt"
	"strings"
)

// context3 is how many unchanged lines a hunk has before and after a change.
const context3 = 3

// unified returns a unified diff of two texts, which git apply takes.
func unified(name, before, after string) string {
	a, b := lines(before), lines(after)
	kept := common(a, b)
	var out strings.Builder
	fmt.Fprintf(&out, "--- a/%s\n+++ b/%s\n", name, name)
	for start := 0; start < len(kept); {
		// A hunk ends where more than twice the context is unchanged.
		i, j := kept[start].a+1, kept[start].b+1 // the first lines after the last that is kept
		if start+1 < len(kept) && kept[start+1].a == i && kept[start+1].b == j {
			start++
			continue
		}
		if start+1 == len(kept) {
			break
		}
		end := start + 1
		for unchanged := 0; end < len(kept)-1 && unchanged <= 2*context3; end++ {
			if kept[end+1].a == kept[end].a+1 && kept[end+1].b == kept[end].b+1 {
				unchanged++
			} else {
				unchanged = 0
			}
		}
		writeHunk(&out, a, b, kept[:end+1], start)
		start = end
	}
	return out.String()
}

// pair is a line that both texts have.
type pair struct{ a, b int }

// writeHunk writes the changes from the kept line start to the last of kept, with their context.
func writeHunk(out *strings.Builder, a, b []string, kept []pair, start int) {
	last := len(kept) - 1
	for last > start && kept[last-1].a == kept[last].a-1 && kept[last-1].b == kept[last].b-1 {
		last-- // the first line after the last change
	}
	before := min(context3, kept[start].a+1, kept[start].b+1)
	i, j := kept[start].a+1-before, kept[start].b+1-before
	endA := min(kept[last].a+context3, len(a))
	endB := kept[last].b + endA - kept[last].a
	fmt.Fprintf(out, "@@ -%d,%d +%d,%d @@\n", i+1, endA-i, j+1, endB-j)
	next := 0
	for i < endA || j < endB {
		for next < len(kept) && (kept[next].a < i || kept[next].b < j) {
			next++
		}
		switch {
		case next < len(kept) && kept[next].a == i && kept[next].b == j:
			writeLine(out, " ", a[i])
			i, j = i+1, j+1
		case i < endA && (next == len(kept) || i < kept[next].a):
			writeLine(out, "-", a[i])
			i++
		default:
			writeLine(out, "+", b[j])
			j++
		}
	}
}

func writeLine(out *strings.Builder, sign, line string) {
	out.WriteString(sign + line)
	if !strings.HasSuffix(line, "\n") {
		out.WriteString("\n\\ No newline at end of file\n")
	}
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	all := strings.SplitAfter(text, "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// common returns a longest common subsequence of two lists of lines, between a pair before the
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
	width := endB - first + 1
	length := make([]int32, (endA-first+1)*width) // of the rest, by the first lines of both
	at := func(i, j int) *int32 { return &length[(i-first)*width+j-first] }
	for i := endA - 1; i >= first; i-- {
		for j := endB - 1; j >= first; j-- {
			if a[i] == b[j] {
				*at(i, j) = *at(i+1, j+1) + 1
			} else {
				*at(i, j) = max(*at(i+1, j), *at(i, j+1))
			}
		}
	}
	for i, j := first, first; i < endA && j < endB; {
		switch {
		case a[i] == b[j]:
			kept = append(kept, pair{i, j})
			i, j = i+1, j+1
		case *at(i+1, j) >= *at(i, j+1):
			i++
		default:
			j++
		}
	}
	for ; endA < len(a); endA, endB = endA+1, endB+1 {
		kept = append(kept, pair{endA, endB})
	}
	return append(kept, pair{len(a), len(b)})
}
