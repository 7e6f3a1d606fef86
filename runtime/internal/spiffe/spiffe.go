// Package spiffe checks SPIFFE IDs, the names of workloads in certificates, and patterns of them.
package spiffe

import (
	"errors"
	"fmt"
	"strings"
)

// Scheme is how every ID starts.
const Scheme = "spiffe://"

// Limits of the standard, in bytes.
const (
	maxLength      = 2048
	maxTrustDomain = 255
)

// Check returns what is wrong with the ID of a workload, such as "spiffe://example.org/shop/api".
//
// https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md has the rules.
func Check(id string) error {
	if len(id) > maxLength {
		return fmt.Errorf("it has %d bytes; at most %d are allowed", len(id), maxLength)
	}
	rest, ok := strings.CutPrefix(id, Scheme)
	if !ok {
		return errors.New("it does not start with spiffe://")
	}
	domain, path, ok := strings.Cut(rest, "/")
	if err := CheckTrustDomain(domain); err != nil {
		return err
	}
	if !ok {
		return errors.New("it has no path, so it names a trust domain and no workload")
	}
	for segment := range strings.SplitSeq(path, "/") {
		if err := checkSegment(segment); err != nil {
			return err
		}
	}
	return nil
}

// CheckTrustDomain returns what is wrong with a trust domain, such as "example.org".
func CheckTrustDomain(domain string) error {
	switch {
	case domain == "":
		return errors.New("its trust domain is empty")
	case len(domain) > maxTrustDomain:
		return fmt.Errorf("its trust domain has %d bytes; at most %d are allowed", len(domain), maxTrustDomain)
	}
	for _, r := range domain {
		if !isLower(r) {
			return fmt.Errorf("its trust domain contains %q; lower-case letters, digits, dots, "+
				"hyphens and underscores are allowed", r)
		}
	}
	return nil
}

// CheckPattern returns what is wrong with an ID, or with the start of IDs: one whose last segment
// is a star, such as "spiffe://example.org/shop/*".
func CheckPattern(pattern string) error {
	if start, ok := strings.CutSuffix(pattern, "/*"); ok {
		return Check(start + "/x")
	}
	return Check(pattern)
}

// Matches reports whether an ID equals a pattern, or starts with what is before the pattern's star.
// Patterns that are no SPIFFE IDs match only themselves.
func Matches(pattern, id string) bool {
	if pattern == id {
		return true
	}
	start, ok := strings.CutSuffix(pattern, "*")
	return ok && strings.HasSuffix(start, "/") && len(start) > len(Scheme) &&
		strings.HasPrefix(start, Scheme) && strings.HasPrefix(id, start) && len(id) > len(start)
}

// TrustDomain returns the trust domain of a valid ID.
func TrustDomain(id string) string {
	domain, _, _ := strings.Cut(strings.TrimPrefix(id, Scheme), "/")
	return domain
}

func checkSegment(segment string) error {
	switch segment {
	case "":
		return errors.New("a segment of its path is empty")
	case ".", "..":
		return fmt.Errorf("a segment of its path is %q", segment)
	}
	for _, r := range segment {
		if !isLower(r) && (r < 'A' || r > 'Z') {
			return fmt.Errorf("its path contains %q; letters, digits, dots, hyphens and underscores "+
				"are allowed", r)
		}
	}
	return nil
}

// isLower reports whether r may be in a trust domain.
func isLower(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_'
}
