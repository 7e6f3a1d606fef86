package apikey

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// table finds keys by their hashes. The time of a search reveals nothing about the hashes in the
// table: where a hash is searched depends on a seed of the process, and what is found there is
// compared in constant time.
type table struct {
	seed  maphash.Seed
	cells map[uint64][]known
}

// known is a key with the principal of its calls.
type known struct {
	hash      Hash
	expires   time.Time // zero for never
	principal *runtime.Principal
}

// newTable returns a table of keys, or an error that names the invalid key.
func newTable(keys []Key) (*table, error) {
	t := &table{seed: maphash.MakeSeed(), cells: make(map[uint64][]known, len(keys))}
	first := make(map[Hash]int, len(keys))
	var errs []error
	for i, key := range keys {
		err := key.check()
		if j, twice := first[key.Hash]; twice && err == nil {
			err = fmt.Errorf("it has the hash of key %d; list each key once", j+1)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("key %d: %w", i+1, err))
			continue
		}
		first[key.Hash] = i
		t.add(key)
	}
	return t, errors.Join(errs...)
}

func (t *table) add(key Key) {
	key.Scopes = slices.Clone(key.Scopes)
	principal := runtime.NewPrincipal(key.Principal, key.Scopes...)
	principal.Claims = key
	cell := t.cell(key.Hash)
	t.cells[cell] = append(t.cells[cell], known{key.Hash, key.Expires, principal})
}

func (t *table) cell(hash Hash) uint64 { return maphash.Bytes(t.seed, hash[:]) }

// find returns the key with a hash, or nil.
func (t *table) find(hash Hash) *known {
	cell := t.cells[t.cell(hash)]
	for i := range cell {
		if subtle.ConstantTimeCompare(cell[i].hash[:], hash[:]) == 1 {
			return &cell[i]
		}
	}
	return nil
}
