package uuid

import (
	"strings"
	"testing"
)

func TestNewUUIDsAreOfVersion4AndDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for range 100 {
		id := New()
		if !IsV4(id) || id != strings.ToLower(id) {
			t.Errorf("%q is not a UUID of version 4 in lower case", id)
		}
		if seen[id] {
			t.Errorf("%q came twice", id)
		}
		seen[id] = true
	}
}

func TestIsV4(t *testing.T) {
	for text, want := range map[string]bool{
		"1b4e28ba-2fa1-4d2b-883f-0016d3cca427":  true,
		"1B4E28BA-2FA1-4D2B-883F-0016D3CCA427":  true,
		"":                                      false,
		"1b4e28ba-2fa1-1d2b-883f-0016d3cca427":  false, // version 1
		"1b4e28ba-2fa1-4d2b-783f-0016d3cca427":  false, // another variant
		"1b4e28ba-2fa1-4d2b-883f-0016d3cca42":   false,
		"1b4e28ba-2fa1-4d2b-883f-0016d3cca4277": false,
		"1b4e28ba02fa1-4d2b-883f-0016d3cca427":  false,
		"1b4e28bg-2fa1-4d2b-883f-0016d3cca427":  false,
	} {
		if got := IsV4(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestCanonical(t *testing.T) {
	for text, want := range map[string]string{
		"1B4E28BA-2fa1-4d2b-883f-0016D3CCA427":  "1b4e28ba-2fa1-4d2b-883f-0016d3cca427",
		"1b4e28ba-2fa1-4d2b-883f-0016d3cca427":  "1b4e28ba-2fa1-4d2b-883f-0016d3cca427",
		"1B4E28BA-2FA1-1D2B-783F-0016D3CCA427":  "1b4e28ba-2fa1-1d2b-783f-0016d3cca427", // of any version
		"":                                      "",
		"ORDER-7":                               "ORDER-7",
		"1B4E28BA02FA1-4D2B-883F-0016D3CCA427":  "1B4E28BA02FA1-4D2B-883F-0016D3CCA427",
		"1B4E28BA-2FA1-4D2B-883F-0016D3CCA427X": "1B4E28BA-2FA1-4D2B-883F-0016D3CCA427X",
	} {
		if got := Canonical(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
