package page

import (
	"errors"
	"reflect"
	"sync"
)

// codec writes the values of one type into a token and reads them back. The values must be
// addressable.
type codec struct {
	append func(text []byte, v reflect.Value) ([]byte, error)
	parse  func(text []byte, v reflect.Value) (rest []byte, err error)
}

// Tags of the values of a key. Clients hold tokens with them: never reuse a number for something
// else. The tags distinguish a key from one of another type, which an older version of the
// service used.
const (
	tagNil    = 0
	tagFalse  = 1
	tagTrue   = 2
	tagInt    = 3  // a zigzag varint
	tagUint   = 4  // a varint
	tagFloat  = 5  // 8 bytes: the bits of a float64, little-endian
	tagString = 6  // its length as a varint, and the text
	tagBytes  = 7  // their number as a varint, and the bytes
	tagTime   = 8  // seconds since 1970 as a zigzag varint, nanoseconds as a varint
	tagText   = 9  // like tagString, of a TextMarshaler
	tagStruct = 10 // the number of fields as a varint, and each
	tagTuple  = 11 // the number of values as a varint, and each
)

// errPosition is the error for a genuine token with a position that the source does not
// understand, because the service has changed.
var errPosition = errors.New("the token was issued by an older version of the method, with another key")

// codecs caches the codecs of a method's key types.
type codecs struct{ byType sync.Map }

// madeCodec is a codec, or the error for its type.
type madeCodec struct {
	codec
	err error
}
