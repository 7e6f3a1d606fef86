package jwtauth

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of the errors that the authenticator returns, in the domain [rpcerr.ErrorDomain].
const (
	// ReasonTokenExpired is the reason of UNAUTHENTICATED for a token that has expired. A client gets
	// a new token and retries.
	ReasonTokenExpired rpcerr.Reason = "TOKEN_EXPIRED"
	// ReasonTokenInvalid is the reason of UNAUTHENTICATED for any other token that is not accepted.
	// RetryInfo is set if the token's key is unknown and may become known.
	ReasonTokenInvalid rpcerr.Reason = "TOKEN_INVALID"
	// ReasonTokenRevoked is the reason of UNAUTHENTICATED for a token that [WithRevocation] rejects.
	ReasonTokenRevoked rpcerr.Reason = "TOKEN_REVOKED"
	// ReasonKeysUnavailable is the reason of UNAVAILABLE if the issuer's keys could not be fetched, or
	// if revocation could not be checked. RetryInfo says when to retry.
	ReasonKeysUnavailable rpcerr.Reason = "KEYS_UNAVAILABLE"
)

// The errors of tokens. Their messages are fixed: the cause, which is only logged, has the values.
var (
	errExpired   = unauthenticated(ReasonTokenExpired, "the token has expired; get a new one")
	errHeader    = invalid("send one authorization header, of the form \"Bearer TOKEN\"")
	errTooLarge  = invalid("the token is too large")
	errMalformed = invalid("the token is not a signed JWT")
	errAlgorithm = invalid("the token's algorithm is not accepted")
	errType      = invalid("the token's type is not accepted; send an access token")
	errCritical  = invalid("the token has a critical header that is not supported")
	errIssuer    = invalid("the token is from another issuer")
	errAudience  = invalid("the token is for another audience")
	errNoExpiry  = invalid("the token has no expiry; the claim exp is required")
	errNotYet    = invalid("the token is not valid yet")
	errTimes     = invalid("a time of the token is not a number of seconds since 1970")
	errSubject   = invalid("the token has no subject that can be used")
	errKey       = invalid("the token's key is not known")
	errSignature = invalid("the token's signature is not valid")
	errRevoked   = unauthenticated(ReasonTokenRevoked, "the token is revoked; get a new one")
	errKeys      = ReasonKeysUnavailable.
			Errorf(codes.Unavailable, "the token cannot be checked at the moment; retry later")
)

func unauthenticated(reason rpcerr.Reason, message string) *rpcerr.Error {
	return reason.Errorf(codes.Unauthenticated, "%s", message)
}

func invalid(message string) *rpcerr.Error { return unauthenticated(ReasonTokenInvalid, message) }

// because adds the cause to an error, for the log.
func because(err *rpcerr.Error, format string, args ...any) error {
	return err.WithCause(fmt.Errorf(format, args...))
}

// unavailable is the error of a call whose token cannot be checked before wait has passed.
func unavailable(cause error, wait time.Duration) error {
	return errKeys.WithRetryAfter(max(wait, time.Second)).WithCause(cause)
}

// quoted returns a text of a token for the log: escaped, and not longer than that takes to
// recognize it. An attacker chooses it.
func quoted(text string) string {
	const most = 100
	if len(text) > most {
		return strconv.Quote(text[:most]) + "..."
	}
	return strconv.Quote(text)
}
