package seal

import "errors"

// Why a token cannot be opened.
var (
	// ErrMalformed says that the text is no token: it is cut off, or of somebody else.
	ErrMalformed = errors.New("the token is malformed")
	// ErrUnknownKey says that the token was sealed with a key that the ring does not have.
	ErrUnknownKey = errors.New("the token was sealed with a key that is not in the ring")
	// ErrForged says that the token was changed, was made without the key, or is for something else.
	ErrForged = errors.New("the token's seal is broken")
	// ErrExpired says that the token was good until its time was over.
	ErrExpired = errors.New("the token has expired")
	// ErrMismatch says that the token is good, but bound to something else.
	ErrMismatch = errors.New("the token is bound to something else")
)
