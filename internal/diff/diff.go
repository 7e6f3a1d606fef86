// Package diff writes unified diffs that git apply and patch -p1 take.
package diff

import (
	"fmt"
	"strings"
)

// context is how many unchanged lines a hunk has before and after a change.
const context = 3

// NewFile returns the diff that adds a file, whose text is not empty.
func NewFile(name, text string) string {
	return "--- /dev/null\n" + header("+++ b/", name) + hunks(nil, split(text))
}

// Unified returns the diff between two texts of a file, or "" if they are the same.
func Unified(name, before, after string) string {
	if before == after {
		return ""
	}
	return header("--- a/", name) + header("+++ b/", name) + hunks(split(before), split(after))
}

// header returns the line that names a file, as git writes it: a name with a space precedes a tab,
// and a name with a character that would end it is quoted.
func header(prefix, name string) string {
	sign, side := prefix[:4], prefix[4:]
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }) {
		return sign + quote(side+name) + "\n"
	}
	if strings.Contains(name, " ") {
		name += "\t"
	}
	return prefix + name + "\n"
}

// quote quotes a name as C does.
func quote(name string) string {
	var quoted strings.Builder
	for _, b := range []byte(name) {
		switch {
		case b == '"', b == '\\':
			quoted.WriteString(`\` + string(b))
		case b < ' ', b == 0x7f:
			fmt.Fprintf(&quoted, `\%03o`, b)
		default:
			quoted.WriteByte(b)
		}
	}
	return `"` + quoted.String() + `"`
}

// split returns the lines of a text with their ends.
func split(text string) []string {
	if text == "" {
		return nil
	}
	all := strings.SplitAfter(text, "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// hunks returns the hunks of a diff.
func hunks(a, b []string) string {
	kept := common(a, b)
	var out strings.Builder
	for start := 0; start+1 < len(kept); {
		if kept[start+1].follows(kept[start]) {
			start++
			continue
		}
		// A hunk ends where more than twice the context is unchanged.
		end := start + 1
		for unchanged := 0; end+1 < len(kept) && unchanged <= 2*context; end++ {
			if kept[end+1].follows(kept[end]) {
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

// writeHunk writes the changes from the kept line start to the last of kept, with their context.
func writeHunk(out *strings.Builder, a, b []string, kept []pair, start int) {
	last := len(kept) - 1
	for last > start && kept[last].follows(kept[last-1]) {
		last-- // the first line after the last change
	}
	before := min(context, kept[start].a+1, kept[start].b+1)
	i, j := kept[start].a+1-before, kept[start].b+1-before
	endA := min(kept[last].a+context, len(a))
	endB := kept[last].b + endA - kept[last].a
	fmt.Fprintf(out, "@@ -%s +%s @@\n", extent(i, endA), extent(j, endB))
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

// extent returns the first line and the number of lines, which for no lines is the line before.
func extent(start, end int) string {
	if start == end {
		return fmt.Sprintf("%d,0", start)
	}
	return fmt.Sprintf("%d,%d", start+1, end-start)
}

func writeLine(out *strings.Builder, sign, line string) {
	out.WriteString(sign + line)
	if !strings.HasSuffix(line, "\n") {
		out.WriteString("\n\\ No newline at end of file\n")
	}
}
