// Package credheader checks where calls have credentials, for the server that reads them and the
// client that sends them.
package credheader

import (
	"errors"
	"strings"
)

// CheckName returns why credentials cannot be in a header, or nil. The name is in lower case.
func CheckName(name string) error {
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isNameChar(r) }):
		return errors.New("a name has letters, digits, dots, dashes and underscores")
	case strings.HasSuffix(name, "-bin"):
		return errors.New("the values of -bin headers are bytes; credentials are text")
	case strings.HasPrefix(name, "grpc-"), name == "content-type", name == "user-agent", name == "te":
		return errors.New("gRPC uses this header itself")
	}
	return nil
}

// CheckScheme returns why a scheme cannot precede credentials in the header authorization, or nil.
func CheckScheme(scheme string) error {
	if scheme == "" || strings.ContainsFunc(scheme, func(r rune) bool { return !isSchemeChar(r) }) {
		return errors.New(`a scheme is one word, such as "ApiKey"`)
	}
	return nil
}

func isNameChar(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_'
}

func isSchemeChar(r rune) bool { return r > ' ' && r < 0x7f && r != ',' && r != '"' }
