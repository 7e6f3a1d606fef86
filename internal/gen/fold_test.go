package gen

import (
	"strings"
	"testing"
)

func TestFold(t *testing.T) {
	literals := strings.NewReplacer("«", openMark, "»", closeMark)
	long := strings.Repeat("x", 60)
	for name, c := range map[string]struct{ text, want string }{
		"nothing":           {"var x = T{A: 1}\n", "var x = T{A: 1}\n"},
		"empty":             {"var x = T«»\n", "var x = T{}\n"},
		"short":             {"var x = T«\nA: 1,\nB: 2,\n»\n", "var x = T{A: 1, B: 2}\n"},
		"nested and short":  {"var x = T«\nA: U«B: 1,\nC: 2,»,\n»\n", "var x = T{A: U{B: 1, C: 2}}\n"},
		"a list of structs": {"var x = []T«\n«\nA: 1,»,\n«\nA: 2,»,»\n", "var x = []T{{A: 1}, {A: 2}}\n"},
		"long": {
			"var x = T«\nA: " + long + ",\nB: " + long + ",\n»\n",
			"var x = T{\nA: " + long + ",\nB: " + long + ",\n}\n",
		},
		"long, with a short one in it": {
			"var x = T«\nA: " + long + ",\nB: U«\nC: 1,\n»,\nD: " + long + "»\n",
			"var x = T{\nA: " + long + ",\nB: U{C: 1},\nD: " + long + ",\n}\n",
		},
		"what follows counts": {
			"f(T«\nA: " + long + ",\n»" + long + ")\n",
			"f(T{\nA: " + long + ",\n}" + long + ")\n",
		},
		"two": {"a = T«A: 1»\nb = T«\nB: 2,\n»\n", "a = T{A: 1}\nb = T{B: 2}\n"},
	} {
		text := literals.Replace(c.text)
		if got := string(fold([]byte(text))); got != c.want {
			t.Errorf("%s: fold returns\n%s\nwant\n%s", name, got, c.want)
		}
		plain := string(unfolded([]byte(text)))
		if len(plain) != len(text) || strings.ContainsAny(plain, openMark+closeMark) {
			t.Errorf("%s: unfolded returns %q for %q", name, plain, text)
		}
	}
}
