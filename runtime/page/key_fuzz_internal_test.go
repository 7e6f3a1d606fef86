package page

import (
	"bytes"
	"math"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// fuzzKey has a field of each kind.
type fuzzKey struct {
	Bool    bool
	Int8    int8
	Int     int64
	Uint8   uint8
	Uint    uint64
	Float32 float32
	Float   float64
	String  string
	Bytes   []byte
	Array   [2]byte
	Time    time.Time
	Address netip.Addr
	Inner   struct{ A, B *string }
	Null    *time.Time
	Tuple   Tuple
}

// fuzzCodec returns the codec of a type.
func fuzzCodec[K any](f *testing.F) codec {
	c, err := codecOf(reflect.TypeFor[K](), 0)
	if err != nil {
		f.Fatal(err)
	}
	return c
}

// FuzzKeyCodec reads any bytes as a key. What is read is the same key when it is written and read
// again.
func FuzzKeyCodec(f *testing.F) {
	structs, tuples := fuzzCodec[fuzzKey](f), fuzzCodec[Tuple](f)
	text := "text"
	for _, key := range []fuzzKey{{}, {
		Bool: true, Int8: -8, Int: math.MinInt64, Uint8: 255, Uint: math.MaxUint64, Float32: 1.5, Float: math.Inf(1), String: "s",
		Bytes: []byte{1}, Array: [2]byte{1, 2}, Time: time.Unix(-1, 1), Address: netip.MustParseAddr("::1"), Tuple: Tuple{nil, "x", 1.5, true},
		Inner: struct{ A, B *string }{A: &text}, Null: new(time.Time),
	}} {
		seed, err := structs.append(nil, reflect.ValueOf(&key).Elem())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
		if seed, err = tuples.append(nil, reflect.ValueOf(&key.Tuple).Elem()); err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		readTwice[fuzzKey](t, structs, text)
		readTwice[Tuple](t, tuples, text)
	})
}

// readTwice reads a key, writes it, and reads it again. Keys are compared as they are written: a
// float may be none.
func readTwice[K any](t *testing.T, c codec, text []byte) {
	t.Helper()
	var first, second K
	if _, err := c.parse(text, reflect.ValueOf(&first).Elem()); err != nil {
		if err != errPosition {
			t.Fatalf("%x: %v", text, err)
		}
		return
	}
	once, err := c.append(nil, reflect.ValueOf(&first).Elem())
	if err != nil {
		t.Fatalf("%+v: %v", first, err)
	}
	rest, err := c.parse(once, reflect.ValueOf(&second).Elem())
	if err != nil || len(rest) > 0 {
		t.Fatalf("%+v: %v, and %x is left", first, err, rest)
	}
	if twice, err := c.append(nil, reflect.ValueOf(&second).Elem()); err != nil || !bytes.Equal(once, twice) {
		t.Fatalf("%+v comes back as %+v, %v", first, second, err)
	}
}
