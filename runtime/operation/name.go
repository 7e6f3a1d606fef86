package operation

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// newName returns an unguessable name: 26 characters that start with the time, so that names sort
// by age in lists and database indexes.
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

// idText is base 32 with digits in byte order.
var idText = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)
