package apikey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// entry is a key in a file.
type entry struct {
	Hash      string     `json:"hash"`
	Principal string     `json:"principal"`
	Scopes    []string   `json:"scopes"`
	Expires   *time.Time `json:"expires"`
}

// parseFile returns the keys in the content of a file. Its errors do not have what stands in the
// place of a hash, which may be a key.
func parseFile(content []byte) (*table, error) {
	var file struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := decodeStrictly(content, &file); err != nil {
		return nil, err
	}
	if file.Keys == nil {
		return nil, errors.New(`there are no "keys"; write an empty list to accept none`)
	}
	keys := make([]Key, len(*file.Keys))
	for i, raw := range *file.Keys {
		var err error
		if keys[i], err = parseEntry(raw); err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
	}
	return newTable(keys)
}

func parseEntry(raw []byte) (key Key, err error) {
	var e entry
	if err := decodeStrictly(raw, &e); err != nil {
		return Key{}, err
	}
	if key.Hash, err = ParseHash(e.Hash); err != nil {
		return Key{}, err
	}
	key.Principal, key.Scopes = e.Principal, e.Scopes
	if e.Expires != nil {
		if e.Expires.IsZero() {
			return Key{}, errors.New("expires is the zero time; leave it out for a key that does not expire")
		}
		key.Expires = *e.Expires
	}
	return key, nil
}

// decodeStrictly decodes one JSON value without unknown fields.
func decodeStrictly(content []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("it is empty")
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one JSON value")
	}
	return nil
}
