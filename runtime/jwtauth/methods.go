package jwtauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// methodTable maps the names of algorithms to what verifies them.
type methodTable map[string]jwt.SigningMethod

// asymmetric are the methods that a public key can verify. RFC 9864 renames EdDSA to Ed25519.
var asymmetric = methodTable{
	"RS256": jwt.SigningMethodRS256, "RS384": jwt.SigningMethodRS384, "RS512": jwt.SigningMethodRS512,
	"PS256": jwt.SigningMethodPS256, "PS384": jwt.SigningMethodPS384, "PS512": jwt.SigningMethodPS512,
	"ES256": jwt.SigningMethodES256, "ES384": jwt.SigningMethodES384, "ES512": jwt.SigningMethodES512,
	"EdDSA": jwt.SigningMethodEdDSA, "Ed25519": jwt.SigningMethodEdDSA,
}

// symmetric are the methods of secrets.
var symmetric = methodTable{
	"HS256": jwt.SigningMethodHS256, "HS384": jwt.SigningMethodHS384, "HS512": jwt.SigningMethodHS512,
}

// only returns the methods with these names, or all of them if there are no names.
func only(methods methodTable, names []string) (methodTable, error) {
	if len(names) == 0 {
		return methods, nil
	}
	chosen := make(methodTable, len(names))
	for _, name := range names {
		method, ok := methods[name]
		if !ok {
			return nil, fmt.Errorf("WithMethods(%q): use some of %q, which the keys can verify",
				name, slices.Sorted(maps.Keys(methods)))
		}
		chosen[name] = method
	}
	return chosen, nil
}

// Bounds of the modulus of an RSA key, in bits. A verification with a larger one takes too long.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// methodsOf returns the names of the methods that a public key verifies, and an error for a key of
// another type or of an unsafe size.
func methodsOf(public any) ([]string, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, checkRSA(k)
	case *ecdsa.PublicKey:
		return methodsOfEC(k)
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("an Ed25519 key of %d bytes", len(k))
		}
		return []string{"EdDSA", "Ed25519"}, nil
	}
	return nil, fmt.Errorf("a key of type %T; use RSA, ECDSA or Ed25519", public)
}

func checkRSA(k *rsa.PublicKey) error {
	if k == nil || k.N == nil {
		return errors.New("an RSA key without a modulus")
	}
	bits := k.N.BitLen()
	switch {
	case bits < minRSABits || bits > maxRSABits:
		return fmt.Errorf("an RSA key of %d bits; use %d to %d", bits, minRSABits, maxRSABits)
	case k.N.Bit(0) == 0 || k.E < 3 || k.E%2 == 0:
		return errors.New("an RSA key with an even modulus or exponent, or an exponent below 3")
	}
	return nil
}

func methodsOfEC(k *ecdsa.PublicKey) ([]string, error) {
	if k == nil || k.Curve == nil || k.X == nil || k.Y == nil {
		return nil, errors.New("an EC key without a point")
	}
	if _, err := k.ECDH(); err != nil {
		return nil, errors.New("an EC key that is not a point of its curve")
	}
	switch k.Curve {
	case elliptic.P256():
		return []string{"ES256"}, nil
	case elliptic.P384():
		return []string{"ES384"}, nil
	case elliptic.P521():
		return []string{"ES512"}, nil
	}
	return nil, errors.New("an EC key on a curve other than P-256, P-384 and P-521")
}
