package seal

import "errors"

// Errors of tokens that cannot be opened.
var (
	// ErrMalformed reports that the text is not a token: it is cut off, or has another origin.
	ErrMalformed = errors.New("the token is malformed")
	// ErrUnknownKey reports that the token was sealed with a key that is not in the ring.
	ErrUnknownKey = errors.New("the token was sealed with a key that is not in the ring")
	// ErrForged reports that the token was modified, was created without the key, or has another
	// purpose.
	ErrForged = errors.New("the token's seal is broken")
	// ErrExpired reports that the token is genuine but has expired.
	ErrExpired = errors.New("the token has expired")
	// ErrMismatch reports that the token is genuine but bound to something else.
	ErrMismatch = errors.New("the token is bound to something else")
)
