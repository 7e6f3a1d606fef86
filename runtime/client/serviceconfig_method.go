package client

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
)

// checkPolicy finds mistakes that grpc would report without naming the method. Generated policies
// have been checked before.
func checkPolicy(info runtime.MethodInfo) error {
	retry, hedging := info.Policy.Retry, info.Policy.Hedging
	var errs []error
	if retry.MaxAttempts != 0 {
		errs = append(errs, checkRetry(retry))
	}
	if hedging.MaxAttempts != 0 {
		errs = append(errs, checkHedging(hedging))
	}
	if retry.MaxAttempts != 0 && hedging.MaxAttempts != 0 {
		errs = append(errs, errors.New("a method has Retry or Hedging, not both (gRFC A6)"))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", info.FullMethod[1:], err)
	}
	return nil
}

func checkRetry(r runtime.Retry) error {
	if r.InitialBackoff <= 0 || r.MaxBackoff <= 0 || !(r.Multiplier > 0) {
		return fmt.Errorf("the InitialBackoff %v, MaxBackoff %v and Multiplier %v of Retry must be above 0",
			r.InitialBackoff, r.MaxBackoff, r.Multiplier)
	}
	if len(r.Codes) == 0 {
		return errors.New("Retry.Codes is empty; list the codes to retry")
	}
	return errors.Join(checkAttempts("Retry", r.MaxAttempts), checkCodes("Retry.Codes", r.Codes))
}

func checkHedging(h runtime.Hedging) error {
	if h.Delay < 0 {
		return fmt.Errorf("Hedging.Delay: %v is negative", h.Delay)
	}
	return errors.Join(checkAttempts("Hedging", h.MaxAttempts), checkCodes("Hedging.NonFatalCodes", h.NonFatalCodes))
}

func checkAttempts(field string, attempts int) error {
	if attempts < 2 || attempts > maxAttempts {
		return fmt.Errorf("%s.MaxAttempts: %d is out of range; want 2 to %d", field, attempts, maxAttempts)
	}
	return nil
}

func checkCodes(field string, names []string) error {
	for _, name := range names {
		if code, err := codeOf(name); err != nil || code == codes.OK {
			return fmt.Errorf(`%s: %q is not the status code of an error; spell it as in "UNAVAILABLE"`, field, name)
		}
	}
	return nil
}
