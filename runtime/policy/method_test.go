package policy

import "testing"

// TestKinds checks which methods a rule for some kinds fits, and what it says of all others.
func TestKinds(t *testing.T) {
	unary, server := Method{}, Method{ServerStreams: true}
	client, bidi := Method{ClientStreams: true}, Method{ClientStreams: true, ServerStreams: true}
	for of, want := range map[calls]struct {
		text string
		fits []Method
	}{
		ofUnary:                 {"methods without a stream", []Method{unary}},
		ofStreams:               {"streams", []Method{server, client, bidi}},
		ofServerStream:          {"methods that only stream responses", []Method{server}},
		ofClientStream:          {"methods that only stream requests", []Method{client}},
		ofBidi:                  {"methods that stream both requests and responses", []Method{bidi}},
		ofServerStream | ofBidi: {"methods that stream responses", []Method{server, bidi}},
		ofClientStream | ofBidi: {"methods that stream requests", []Method{client, bidi}},
	} {
		fit := 0
		for _, m := range []Method{unary, server, client, bidi} {
			switch why := of.misfit(m); why {
			case "":
				fit++
			case "it is for " + want.text + "; remove it":
			default:
				t.Errorf("%q does not name %s", why, want.text)
			}
		}
		for _, m := range want.fits {
			if why := of.misfit(m); why != "" {
				t.Errorf("kind %d misfits %s: %s", m.kind(), want.text, why)
			}
		}
		if fit != len(want.fits) {
			t.Errorf("%s: %d kinds fit, want %d", want.text, fit, len(want.fits))
		}
	}
}
