package main

import (
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

func TestTokenKeys(t *testing.T) {
	const long, other, short = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=", "c2hvcnQ="
	for _, test := range []struct {
		name, value string
		keys        int
	}{
		{"the example's own", "", 1},
		{"one", long, 1},
		{"two, to replace the one by the other", long + "," + other, 2},
		{"too short", short, 0},
		{"not base64", "secret", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys, err := tokenKeys(func(string) string { return test.value })
			if err == nil {
				_, err = seal.NewRing(keys...)
			}
			if test.keys == 0 {
				if err == nil || strings.Contains(err.Error(), test.value) {
					t.Errorf("error is %v, want one that does not show the key", err)
				}
				return
			}
			if err != nil || len(keys) != test.keys {
				t.Errorf("got %d keys, %v; want %d", len(keys), err, test.keys)
			}
		})
	}
}
