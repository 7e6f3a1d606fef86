package main

import (
	"fmt"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

// keysVariable is an environment variable instead of a flag, because every user of a machine can
// read the flags of its processes.
const keysVariable = "SHOP_TOKEN_KEYS"

// exampleKey lets the example run without configuration. It is public, so it protects nothing.
const exampleKey = "dGhpcyBpcyBhbiBleGFtcGxlIGFuZCBubyBzZWNyZXQ=" // "this is an example and no secret"

// tokenKeys returns the keys that seal page tokens. All replicas need the same keys; otherwise a
// client cannot request the next page from another replica.
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
