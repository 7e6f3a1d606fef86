package page_test

import (
	"context"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// wantKeyBack sends a key through a token, and checks that rows are asked for after it.
func wantKeyBack[K any](t *testing.T, key K, opts ...cmp.Option) {
	t.Helper()
	var got *K
	source := page.Keyset(func(_ context.Context, after *K, limit int) ([]*pagev1.Item, error) {
		if got = after; after == nil {
			return numbered(int64(limit)), nil
		}
		return nil, nil
	}, func(*pagev1.Item) K { return key })
	token := serve(t, source, nil).GetNextPageToken()
	serve(t, source, &pagev1.ListItemsRequest{PageToken: token})
	if got == nil || !cmp.Equal(*got, key, opts...) {
		t.Errorf("%T %+v comes back as %+v", key, key, got)
	}
}

type (
	kind  int8
	label string
	place struct {
		Country string
		City    *string
	}
	everyKind struct {
		Bool           bool
		Int            int
		Int8           int8
		Int16          int16
		Int32          int32
		Int64          int64
		Uint           uint
		Uint8          uint8
		Uint16         uint16
		Uint32         uint32
		Uint64         uint64
		Float32        float32
		Float64        float64
		String         string
		Bytes          []byte
		ID             [16]byte
		Time           time.Time
		Kind           kind
		Label          label
		Place          place
		Address        netip.Addr
		Null, NotNull  *string
		NullTime, Late *time.Time
	}
)

func TestKeysComeBack(t *testing.T) {
	zurich, noon := "Zürich\x00\xff", time.Date(2024, 2, 29, 12, 0, 0, 123456789, time.UTC)
	wantKeyBack(t, int64(math.MinInt64))
	wantKeyBack(t, uint64(math.MaxUint64))
	wantKeyBack(t, "")
	wantKeyBack(t, label("label"))
	wantKeyBack(t, kind(-128))
	wantKeyBack(t, true)
	wantKeyBack(t, false)
	wantKeyBack(t, math.Inf(-1))
	wantKeyBack(t, math.SmallestNonzeroFloat64)
	wantKeyBack(t, float32(math.MaxFloat32))
	wantKeyBack(t, noon)
	wantKeyBack(t, time.Time{})
	wantKeyBack(t, []byte(nil))
	wantKeyBack(t, []byte{})
	wantKeyBack(t, [3]byte{1, 2, 3})
	wantKeyBack(t, netip.MustParseAddr("2001:db8::1"), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }))
	wantKeyBack(t, big.NewInt(-5), cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 }))
	wantKeyBack(t, (*int)(nil))
	wantKeyBack(t, &zurich)
	wantKeyBack(t, struct{ A, B place }{place{"CH", &zurich}, place{"", nil}})
	wantKeyBack(t, page.Tuple{nil, true, false, int64(-5), uint64(7), 2.5, "text", []byte("bytes"), noon})
	wantKeyBack(t, page.Tuple{})
	wantKeyBack(t, struct{ T page.Tuple }{page.Tuple{"x"}})
}

// TestEveryKindOfKeyComesBack sends all of them at a time.
func TestEveryKindOfKeyComesBack(t *testing.T) {
	text, late := "text", time.Unix(-1, 5).UTC()
	wantKeyBack(t, everyKind{
		Bool: true, Int: -1, Int8: -8, Int16: -16, Int32: -32, Int64: -64, Uint: 1, Uint8: 8, Uint16: 16, Uint32: 32, Uint64: 64,
		Float32: 1.5, Float64: math.Pi, String: "s", Bytes: []byte("b"), ID: [16]byte{15: 1}, Time: late, Kind: 3, Label: "l",
		Place: place{Country: "CH", City: &text}, Address: netip.MustParseAddr("10.0.0.1"), NotNull: &text, Late: &late,
	}, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }))
}

// TestTimesKeepTheirNanoseconds checks that a zone is no part of a key, and that nothing is
// rounded.
func TestTimesKeepTheirNanoseconds(t *testing.T) {
	zoned := time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.FixedZone("", 3600))
	wantKeyBack(t, zoned, cmp.Comparer(time.Time.Equal))
}

// TestTuplesComeBackPlain holds what databases get of the values of a tuple.
func TestTuplesComeBackPlain(t *testing.T) {
	n, text := 5, "text"
	var none *int
	var got *page.Tuple
	source := page.Keyset(func(_ context.Context, after *page.Tuple, limit int) ([]*pagev1.Item, error) {
		if got = after; after == nil {
			return numbered(int64(limit)), nil
		}
		return nil, nil
	}, func(*pagev1.Item) page.Tuple {
		return page.Tuple{&n, none, label("l"), kind(3), uint8(8), float32(0.5), &text, netip.MustParseAddr("::1"), []byte(nil), null{}, null{"x"}}
	})
	token := serve(t, source, nil).GetNextPageToken()
	serve(t, source, &pagev1.ListItemsRequest{PageToken: token})
	want := page.Tuple{int64(5), nil, "l", int64(3), uint64(8), 0.5, "text", "::1", nil, nil, "x"}
	if got == nil || !cmp.Equal(*got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestKeysThatNoTokenHolds checks that they are found on the first page, and named.
func TestKeysThatNoTokenHolds(t *testing.T) {
	type node struct{ Next *node }
	for want, source := range map[string]page.Source[*pagev1.Item]{
		"page_test.hidden cannot be put into a token: the field id of page_test.hidden is not exported": hiddenKeys,
		"map[string]string is not a bool":       keysOf[map[string]string](),
		"field F: func() is not a bool":         keysOf[struct{ F func() }](),
		"field Any: interface {} is not a bool": keysOf[struct{ Any any }](),
		"[]int is not a bool":                   keysOf[[]int](),
		"complex128 is not a bool":              keysOf[complex128](),
		"uintptr is not a bool":                 keysOf[uintptr](),
		"struct {} has no fields":               keysOf[struct{}](),
		"timestamppb.Timestamp is a message; use its contents, such as AsTime of a timestamp": keysOf[*timestamppb.Timestamp](),
		"field T: timestamppb.Timestamp is a message":                                         keysOf[struct{ T *timestamppb.Timestamp }](),
		"a nil *string and a pointer to one look the same":                                    keysOf[**string](),
		"a nil []uint8 and a pointer to one look the same":                                    keysOf[*[]byte](),
		"is nested too deeply": keysOf[node](),
		"value 1 of the tuple: map[string]int cannot be put into a token":                                                     tupleOf("x", map[string]int{}),
		"value 0 of the tuple: struct { X int } cannot be put into a token":                                                   tupleOf(struct{ X int }{}),
		"value 0 of the tuple: the Value method of page_test.endless returned page_test.endless, which is not a driver.Value": tupleOf(endless{}),
		"value 0 of the tuple: failed": tupleOf(null{"failed"}),
	} {
		_, err := listItems.Serve(t.Context(), nil, source)
		wantInternal(t, err, want)
	}
}

type hidden struct{ id int64 }

var hiddenKeys = page.Keyset(func(_ context.Context, after *hidden, limit int) ([]*pagev1.Item, error) {
	if after != nil {
		return numbered(after.id), nil
	}
	return numbered(int64(limit)), nil
}, func(i *pagev1.Item) hidden { return hidden{i.GetId()} })

// keysOf is a source that has rows with keys of a type, which are zero.
func keysOf[K any]() page.Source[*pagev1.Item] {
	return page.Keyset(func(_ context.Context, _ *K, limit int) ([]*pagev1.Item, error) {
		return numbered(int64(limit)), nil
	}, func(*pagev1.Item) (key K) { return key })
}

func tupleOf(values ...any) page.Source[*pagev1.Item] {
	return page.Keyset(func(_ context.Context, _ *page.Tuple, limit int) ([]*pagev1.Item, error) {
		return numbered(int64(limit)), nil
	}, func(*pagev1.Item) page.Tuple { return values })
}

// TestTokensOfAnOlderKey checks that a key of another type is no key, whatever its bytes.
func TestTokensOfAnOlderKey(t *testing.T) {
	at := time.Unix(1, 0)
	tokens := []string{
		tokenOf(t, int64(300)), tokenOf(t, uint64(300)), tokenOf(t, "x"), tokenOf(t, []byte("x")), tokenOf(t, true), tokenOf(t, 1.5), tokenOf(t, at),
		tokenOf(t, struct{ A string }{"x"}), tokenOf(t, struct{ A, B string }{"x", "y"}), tokenOf(t, page.Tuple{"x"}), tokenOf(t, netip.MustParseAddr("::1")),
		tokenOf(t, (*string)(nil)), tokenOf(t, [2]byte{}), tokenOf(t, struct{ A *string }{}),
	}
	opens := []func(string) bool{
		opensAs[int64](t), opensAs[uint64](t), opensAs[string](t), opensAs[[]byte](t), opensAs[bool](t), opensAs[float64](t), opensAs[time.Time](t),
		opensAs[struct{ A string }](t), opensAs[struct{ A, B string }](t), opensAs[page.Tuple](t), opensAs[netip.Addr](t),
		opensAs[*string](t), opensAs[[2]byte](t), opensAs[struct{ A *string }](t),
	}
	// What may be NULL takes what may not: a column that has become nullable is no other key.
	also := [][2]int{{2, 11}, {7, 13}, {11, 3}, {12, 3}}
	for i, token := range tokens {
		for j, open := range opens {
			if want := i == j || slices.Contains(also, [2]int{i, j}); open(token) != want {
				t.Errorf("token %d as key %d: opens %v", i, j, !want)
			}
		}
	}
	if opensAs[int8](t)(tokens[0]) || opensAs[uint8](t)(tokens[1]) || opensAs[[1]byte](t)(tokens[12]) {
		t.Error("a number that is too large, or an array that is too long, opens")
	}
	if opensAs[float32](t)(tokenOf(t, math.MaxFloat64)) {
		t.Error("a float64 opens as a float32 that cannot hold it")
	}
}

func tokenOf[K any](t *testing.T, key K) string {
	return serve(t, page.Keyset(func(_ context.Context, _ *K, limit int) ([]*pagev1.Item, error) {
		return numbered(int64(limit)), nil
	}, func(*pagev1.Item) K { return key }), nil).GetNextPageToken()
}

func opensAs[K any](t *testing.T) func(string) bool {
	source := page.Keyset(func(context.Context, *K, int) ([]*pagev1.Item, error) { return nil, nil }, func(*pagev1.Item) (key K) { return key })
	return func(token string) bool {
		_, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{PageToken: token}, source)
		if err != nil {
			wantInvalid(t, err, "page_token", page.ReasonTokenInvalid)
		}
		return err == nil
	}
}
