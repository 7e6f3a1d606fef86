package policy

import (
	"slices"
	"testing"
)

func TestPatterns(t *testing.T) {
	for text, want := range map[string][]string{ // the methods that each pattern matches
		"*":                              {"S/Do", "library.v1.BookService/GetBook", "library.v1.BookService/Get", "library.v1.sub.Sub/Do", "library.v10.S/Do"},
		"library.v1.*":                   {"library.v1.BookService/GetBook", "library.v1.BookService/Get", "library.v1.sub.Sub/Do"},
		"library.*":                      {"library.v1.BookService/GetBook", "library.v1.BookService/Get", "library.v1.sub.Sub/Do", "library.v10.S/Do"},
		"library.v1.BookService/*":       {"library.v1.BookService/GetBook", "library.v1.BookService/Get"},
		"library.v1.BookService/GetBook": {"library.v1.BookService/GetBook"},
		"library.v1.BookService.*":       nil,
		"library.v1/*":                   nil,
		"S/*":                            {"S/Do"},
		"S/Do":                           {"S/Do"},
	} {
		p, err := parseSelector(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		var got []string
		for _, m := range [][2]string{{"S", "Do"}, {"library.v1.BookService", "GetBook"}, {"library.v1.BookService", "Get"}, {"library.v1.sub.Sub", "Do"}, {"library.v10.S", "Do"}} {
			if p.matches(m[0], m[1]) {
				got = append(got, m[0]+"/"+m[1])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s matches %q, want %q", text, got, want)
		}
	}
}

func TestNotPatterns(t *testing.T) {
	for _, text := range []string{"", "Get", "library.v1.BookService", "library.v1.*/Get", "**", "*.*", "/Get", "S/", "S/Get/*", "library..v1.*", ".*", "S/Get*", "S /Get", "library.v1.*\n", "ö.*"} {
		if p, err := parseSelector(text); err == nil {
			t.Errorf("%q is the pattern %+v", text, p)
		}
	}
}

func TestSpecificity(t *testing.T) {
	wideFirst := []string{"*", "library.*", "library.v1.*", "library.v1.BookService/*", "library.v1.BookService/GetBook"}
	for i, text := range wideFirst[1:] {
		if specificity(text) <= specificity(wideFirst[i]) {
			t.Errorf("%s is not more specific than %s", text, wideFirst[i])
		}
	}
	if specificity("S/Do") <= specificity("S/*") || specificity("S/*") <= specificity("*") {
		t.Error("the patterns of a service without a package are in another order")
	}
}

func TestTrimEnumPrefix(t *testing.T) {
	for _, tt := range []struct{ value, enum, want string }{
		{"BOOK_REASON_LOST", "BookReason", "LOST"},
		{"BOOKREASON_LOST", "Book_Reason", "LOST"},
		{"bookReasonLOST", "BookReason", "LOST"},
		{"BOOK_REASON", "BookReason", "BOOK_REASON"},
		{"BOOK_REASON_", "BookReason", "BOOK_REASON_"},
		{"BOOK_REA", "BookReason", "BOOK_REA"},
		{"LOST", "BookReason", "LOST"},
		{"E__LOST", "E", "LOST"},
		{"ELSEWHERE", "E", "LSEWHERE"},
	} {
		if got := trimEnumPrefix(tt.value, tt.enum); got != tt.want {
			t.Errorf("trimEnumPrefix(%q, %q) = %q, want %q", tt.value, tt.enum, got, tt.want)
		}
	}
}
