package jwtauth

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Claims holds the claims of a token that has been verified. [runtime.Principal.Claims] is a
// *Claims, and [ClaimsOf] returns it. Calls with the same token share it; do not modify it. It
// prints as the issuer and the subject.
type Claims struct {
	// Issuer is iss, and Subject is sub: at most 255 bytes without control characters. Neither is "".
	Issuer, Subject string
	// Audience is aud. It contains at least one audience of [WithAudience].
	Audience []string
	// ExpiresAt is exp. IssuedAt is iat and NotBefore is nbf, or zero if the token has none.
	ExpiresAt, IssuedAt, NotBefore time.Time
	// ID is jti, or "".
	ID string
	// ClientID is the application that got the token: client_id, otherwise azp, or "".
	ClientID string

	signed string // header and payload of the token
}

// ClaimsOf returns the claims of a principal; false if it is nil or was not authenticated by a
// token.
func ClaimsOf(principal *runtime.Principal) (*Claims, bool) {
	if principal == nil {
		return nil, false
	}
	claims, ok := principal.Claims.(*Claims)
	return claims, ok && claims != nil
}

// Decode decodes the claims into dst, a pointer to a struct or a map, as [json.Unmarshal] does.
func (c *Claims) Decode(dst any) error {
	_, encoded, _ := strings.Cut(c.signed, ".")
	payload, err := encoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	return json.Unmarshal(payload, dst)
}

// Format implements fmt.Formatter: claims may be personal data.
func (c Claims) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.principalID()) }

// MarshalText returns what Format prints, for logs in JSON.
func (c Claims) MarshalText() ([]byte, error) { return []byte(c.principalID()), nil }

// principalID joins issuer and subject. An issuer has no "#", which [New] checks, so two different
// pairs never have the same ID.
func (c *Claims) principalID() string { return c.Issuer + "#" + c.Subject }

// maxSubject is the number of bytes of the longest subject (OpenID Connect Core, section 2).
const maxSubject = 255

// parseClaims parses a payload and checks all claims. The signature has not been verified: an
// error costs an attacker nothing, and a token that fails here is never looked up or fetched for.
func (v *verifier) parseClaims(t *token, now time.Time) (*Claims, object, error) {
	members, err := parseObject(t.payload)
	if err != nil {
		return nil, nil, because(errMalformed, "payload: %w", err)
	}
	c := new(Claims)
	if c.Issuer, err = members.text("iss"); err != nil || c.Issuer != v.issuer {
		return nil, nil, because(errIssuer, "iss is %s", quoted(string(members["iss"])))
	}
	if c.Audience, err = members.texts("aud"); err != nil || !v.accepts(c.Audience) {
		return nil, nil, because(errAudience, "aud is %s", quoted(string(members["aud"])))
	}
	if err := c.parseTimes(members); err != nil {
		return nil, nil, err
	}
	if err := v.checkTimes(c, now); err != nil {
		return nil, nil, err
	}
	if c.Subject, err = members.text("sub"); err != nil || !usable(c.Subject) {
		return nil, nil, because(errSubject, "sub is %s", quoted(string(members["sub"])))
	}
	c.signed = strings.Clone(t.signed) // without the signature, whose memory it would share
	c.ID, c.ClientID = optional(members, "jti"), optional(members, "client_id")
	if c.ClientID == "" {
		c.ClientID = optional(members, "azp")
	}
	return c, members, nil
}

// accepts reports whether one of the audiences is expected.
func (v *verifier) accepts(audience []string) bool {
	return slices.ContainsFunc(audience, func(name string) bool {
		return slices.Contains(v.audiences, name)
	})
}

// optional returns a claim that nothing depends on; "" if it is not a string.
func optional(members object, name string) string {
	text, _ := members.text(name)
	return text
}

// usable reports whether a subject can be part of a principal's ID. Invalid escapes decode to
// U+FFFD, so subjects with it may have been different ones.
func usable(subject string) bool {
	return subject != "" && len(subject) <= maxSubject && !strings.ContainsFunc(subject, unusable)
}

func unusable(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }

// parseTimes sets the times of c.
func (c *Claims) parseTimes(members object) error {
	times := map[string]*time.Time{"exp": &c.ExpiresAt, "iat": &c.IssuedAt, "nbf": &c.NotBefore}
	for name, at := range times {
		raw, ok := members[name]
		if !ok {
			continue
		}
		if *at, ok = numericDate(string(raw)); !ok {
			return because(errTimes, "%s is %s", name, quoted(string(raw)))
		}
	}
	return nil
}

// checkTimes compares the times of c with now.
func (v *verifier) checkTimes(c *Claims, now time.Time) error {
	switch {
	case c.ExpiresAt.IsZero():
		return errNoExpiry
	case !now.Before(c.ExpiresAt.Add(v.leeway)):
		return late(errExpired, "exp", c.ExpiresAt, now)
	case c.NotBefore.After(now.Add(v.leeway)):
		return late(errNotYet, "nbf", c.NotBefore, now)
	case c.IssuedAt.After(now.Add(v.leeway)):
		return late(errNotYet, "iat", c.IssuedAt, now)
	}
	return nil
}

// late states which time of a token is wrong.
func late(err *rpcerr.Error, name string, at, now time.Time) error {
	return because(err, "%s is %s, %v from now",
		name, at.UTC().Format(time.RFC3339), at.Sub(now).Round(time.Second))
}

// numericDate parses a number of seconds since 1970, up to the year 9999.
func numericDate(raw string) (time.Time, bool) {
	const last = 253402300799
	seconds, err := strconv.ParseFloat(raw, 64)
	if err != nil || !(seconds > 0 && seconds <= last) {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}
