package operation

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// newName returns a name that nobody can guess: 26 characters of which the first are the time, so that names are by age in lists and
// in the indexes of databases.
func newName(parent, collection string) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixMilli())<<16)
	rand.Read(id[6:]) // never fails: see crypto/rand
	name := collection + "/" + idText.EncodeToString(id[:])
	if parent != "" {
		name = parent + "/" + name
	}
	return name
}

// idText is base 32 whose digits are in the order of bytes.
var idText = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)
