package lazyregexp_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

func TestRegexp(t *testing.T) {
	r := lazyregexp.New(`^(a+)b`)
	if r.String() != `^(a+)b` || !r.MatchString("aab") || r.MatchString("b") {
		t.Errorf("%s does not match as package regexp does", r)
	}
	if got := r.FindStringSubmatch("aabc"); len(got) != 2 || got[1] != "aa" {
		t.Errorf("submatches are %q, want aab and aa", got)
	}
	if got := r.ReplaceAllString("aabc", "x"); got != "xc" {
		t.Errorf("replaced text is %q, want xc", got)
	}
	if got := r.FindAllSubmatchIndex([]byte("aabc"), -1); len(got) != 1 || got[0][1] != 3 {
		t.Errorf("indexes are %v, want a match that ends at 3", got)
	}
}

// TestNewIsLazy checks that only the first use compiles.
func TestNewIsLazy(t *testing.T) {
	r := lazyregexp.New(`(`)
	defer func() {
		if recover() == nil {
			t.Error("the first use of an invalid expression does not panic")
		}
	}()
	r.MatchString("")
}
