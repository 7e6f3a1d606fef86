package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"testing"
)

// TestCounterMode checks that crypt matches the counter mode of the standard library, including
// when the counter overflows.
func TestCounterMode(t *testing.T) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range [][]byte{make([]byte, 16), bytes.Repeat([]byte{0xff}, 16), append(make([]byte, 8), bytes.Repeat([]byte{0xff}, 8)...)} {
		for n := range 100 {
			got, want := make([]byte, n), make([]byte, n)
			new(mac).crypt(block, got, tag)
			cipher.NewCTR(block, tag).XORKeyStream(want, want)
			if !bytes.Equal(got, want) {
				t.Fatalf("%d bytes from %x: got %x, want %x", n, tag, got, want)
			}
		}
	}
}
