package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/runtime/callcreds"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// playUnauthorized calls without a token, with an unknown token, and with a token that only permits
// reading.
func playUnauthorized(ctx context.Context, callers auth.Callers, users shopv1service.UserService) error {
	stolen, err := callcreds.Token("stolen-token", callcreds.WithPlaintext())
	if err != nil {
		return err
	}
	for _, caller := range []struct {
		ctx    context.Context
		code   codes.Code
		reason rpcerr.Reason
	}{
		{ctx, codes.Unauthenticated, rpcerr.ReasonUnauthenticated},
		{client.WithCallOptions(ctx, grpc.PerRPCCredentials(stolen)), codes.Unauthenticated, jwtauth.ReasonTokenInvalid},
		{callers.As(ctx, auth.Guest), codes.PermissionDenied, rpcerr.ReasonMissingScope},
	} {
		_, err := users.DeleteUser(caller.ctx, &shopv1.DeleteUserRequest{Id: 1})
		if err := expect("DeleteUser", err, caller.code, caller.reason); err != nil {
			return err
		}
	}
	return nil
}

// playRate sends metrics more often than the rate limit of a sensor allows, and reads the retry
// delay.
func playRate(ctx context.Context, callers auth.Callers, analytics shopv1service.AnalyticsService) error {
	ctx = callers.As(ctx, auth.Sensor)
	var err error
	for err == nil {
		_, err = analytics.RecordMetrics(ctx, stream.Of(&shopv1.Metric{Name: "temperature", Value: 21}))
	}
	if err := expect("RecordMetrics", err, codes.ResourceExhausted, rpcerr.ReasonRateLimited); err != nil {
		return err
	}
	wait, ok := rpcerr.RetryAfter(err)
	if !ok {
		return fmt.Errorf("RecordMetrics: %w does not say when to come again", err)
	}
	say("", "come again in %v", wait)
	return nil
}

// expect prints the error that an RPC must return. It fails if the RPC returned a different error,
// or none.
func expect(rpc string, err error, code codes.Code, reason rpcerr.Reason) error {
	if err == nil {
		return fmt.Errorf("%s: want %v, %s; got an answer", rpc, code, reason)
	}
	if got := status.Code(err); got != code || rpcerr.ReasonOf(err) != reason {
		return fmt.Errorf("%s: want %v, %s; got %v, %s: %w", rpc, code, reason, got, rpcerr.ReasonOf(err), err)
	}
	say(rpc, "%s, as it should: %s", reason.Name(), status.Convert(err).Message())
	return nil
}
