package jwtauth

import "encoding/json"

// ParseJWKS returns how many keys of a JWKS can be used.
func ParseJWKS(data []byte) (int, error) {
	set, _, err := parseJWKS(data)
	if err != nil {
		return 0, err
	}
	return len(set.keys), nil
}

// ParseKeyFile parses a key file.
func ParseKeyFile(data []byte) { _, _, _ = parseKeyFile(data) }

// ParseObject parses a JSON object.
func ParseObject(data []byte) (map[string]json.RawMessage, error) { return parseObject(data) }
