package jwtauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// parseJWKS parses a JSON Web Key Set (RFC 7517). Keys that are not for signatures are left out. So
// are keys that are not safe: skipped says which and why. A set without a usable key is an error.
func parseJWKS(data []byte) (set *keySet, skipped []string, err error) {
	document, err := parseObject(data)
	if err != nil {
		return nil, nil, err
	}
	var encoded []json.RawMessage
	if raw, ok := document["keys"]; !ok || json.Unmarshal(raw, &encoded) != nil {
		return nil, nil, errors.New("no array \"keys\"")
	}
	if len(encoded) > maxKeys {
		return nil, nil, fmt.Errorf("%d keys; at most %d", len(encoded), maxKeys)
	}
	var keys []*key
	for i, raw := range encoded {
		k, err := parseJWK(raw)
		switch {
		case err != nil:
			skipped = append(skipped, fmt.Sprintf("key %d: %v", i, err))
		case k != nil:
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, skipped, fmt.Errorf("none of the %d keys can be used: %s",
			len(encoded), summary(skipped))
	}
	set, err = newKeySet(keys)
	return set, skipped, err
}

// summary returns the first of the reasons.
func summary(skipped []string) string {
	const most = 3
	if len(skipped) > most {
		return strings.Join(skipped[:most], "; ") + "; and others"
	}
	return strings.Join(skipped, "; ")
}

// parseJWK parses a key. It returns nil for one that is not for signatures or of an unknown type.
func parseJWK(data []byte) (*key, error) {
	jwk, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string)
	for _, name := range []string{"kty", "use", "alg", "kid", "crv"} {
		if fields[name], err = jwk.text(name); err != nil {
			return nil, err
		}
	}
	ops, err := jwk.texts("key_ops")
	if err != nil {
		return nil, err
	}
	use := fields["use"]
	if use != "" && use != "sig" || len(ops) > 0 && !slices.Contains(ops, "verify") {
		return nil, nil
	}
	for _, private := range []string{"d", "p", "q", "k"} {
		if _, ok := jwk[private]; ok {
			return nil, fmt.Errorf("the key with the kid %s has the private member %q; "+
				"it is not secret any more: replace it", quoted(fields["kid"]), private)
		}
	}
	public, err := publicKey(jwk, fields["kty"], fields["crv"])
	if public == nil || err != nil {
		return nil, err
	}
	return newKey(fields["kid"], public, fields["alg"])
}

// publicKey returns the public key of a JWK, or nil for an unknown type.
func publicKey(jwk object, kind, curve string) (any, error) {
	switch kind {
	case "RSA":
		return rsaKey(jwk)
	case "EC":
		return ecKey(jwk, curve)
	case "OKP":
		if curve != "Ed25519" {
			return nil, nil
		}
		x, err := jwk.bytes("x", ed25519.PublicKeySize)
		return ed25519.PublicKey(x), err
	case "":
		return nil, errors.New("a key without kty")
	}
	return nil, nil
}

func rsaKey(jwk object) (any, error) {
	n, err := jwk.bytes("n", maxRSABits/8+1) // some issuers send a leading zero
	if err != nil {
		return nil, err
	}
	e, err := jwk.bytes("e", 8)
	if err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 {
		return nil, errors.New("an RSA exponent of more than 31 bits")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
}

var curves = map[string]elliptic.Curve{
	"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521(),
}

func ecKey(jwk object, name string) (any, error) {
	curve := curves[name]
	if curve == nil {
		return nil, nil
	}
	size := (curve.Params().BitSize + 7) / 8
	point := make([]byte, 1+2*size)
	point[0] = 4 // uncompressed
	for i, coordinate := range []string{"x", "y"} {
		encoded, err := jwk.bytes(coordinate, size)
		if err != nil {
			return nil, err
		}
		copy(point[1+(i+1)*size-len(encoded):], encoded)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, errors.New("an EC key that is not a point of its curve")
	}
	return public, nil
}

// bytes returns a member that is base64url of 1 to most bytes.
func (o object) bytes(name string, most int) ([]byte, error) {
	text, err := o.text(name)
	if err != nil {
		return nil, err
	}
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(decoded) == 0 || len(decoded) > most {
		return nil, fmt.Errorf("%s is not base64url of 1 to %d bytes", name, most)
	}
	return decoded, nil
}
