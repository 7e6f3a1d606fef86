package main

import (
	"fmt"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

// keysVariable is in the environment and not a flag, because everybody on a machine can see the flags of its processes.
const keysVariable = "SHOP_TOKEN_KEYS"

// exampleKey lets the example run without configuration. It is in public, so that it protects nothing.
const exampleKey = "dGhpcyBpcyBhbiBleGFtcGxlIGFuZCBubyBzZWNyZXQ=" // "this is an example and no secret"

// tokenKeys returns what page tokens are sealed with. All replicas have the same keys, or a client cannot go on with the next page
// at another one.
func tokenKeys(getenv func(string) string) ([]seal.Key, error) {
	text := getenv(keysVariable)
	if text == "" {
		slog.Warn("page tokens are sealed with the key of the example, which everybody knows; make one with: openssl rand -base64 32", "set", keysVariable)
		text = exampleKey
	}
	keys, err := seal.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keysVariable, err)
	}
	return keys, nil
}
