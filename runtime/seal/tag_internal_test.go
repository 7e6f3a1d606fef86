package seal

import "testing"

// TestTagsTellWhereTextsEnd checks that the tag depends on the boundaries between purpose and
// token, and between a token's parts.
func TestTagsTellWhereTextsEnd(t *testing.T) {
	k, err := newKey(make([]byte, MinSecret))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, texts := range []struct {
		purpose, token string
		head           int
	}{
		{"list", "token", 2},
		{"list", "token", 3},
		{"lis", "\x02token", 't'},
		{"list\x02", "oken", 't'},
	} {
		m := k.borrow()
		tag := string(m.appendTag([]byte(texts.token), texts.purpose, texts.head)[len(texts.token):])
		k.giveBack(m)
		if other, ok := seen[tag]; ok || len(tag) != tagSize {
			t.Errorf("text %d has the tag %x, which text %d has", i, tag, other)
		}
		seen[tag] = i
	}
}
