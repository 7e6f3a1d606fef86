package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
)

const (
	tokenIssuer   = "https://id.example.com"
	tokenAudience = "library"
)

// measureTokens compares the authentication of a call by a token that was used before, with a key
// that both stacks have.
func measureTokens(ctx context.Context, o options) error {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	token, err := signedToken(private)
	if err != nil {
		return err
	}
	ctx = metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", "Bearer "+token, "user-agent", "grpc-go"))
	checks, err := tokenChecks(private)
	if err != nil {
		return err
	}
	printHead(middleware)
	what := fmt.Sprintf("authentication, RS256 token of %d bytes", len(token))
	for _, stack := range []string{middleware, ours} {
		base, other := tokenBlock(ctx, checks[middleware], o.direct), tokenBlock(ctx, checks[stack], o.direct)
		if err := compare(what, stack, o.pairs, o.direct, base, other); err != nil {
			return err
		}
	}
	return nil
}

// signedToken returns a token with the claims of a usual access token.
func signedToken(private *rsa.PrivateKey) (string, error) {
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": tokenIssuer, "aud": tokenAudience, "sub": "4711", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
		"jti": "5f6a2c1e-2d31-4f9b-9a53-6f1a0f0f4a11", "client_id": "web", "scope": "books.read books.write",
	})
	token.Header["kid"] = "1"
	return token.SignedString(private)
}

// tokenChecks are the stacks: golang-jwt with the options that it needs to be safe, in the
// interceptor of go-grpc-middleware, and jwtauth.
func tokenChecks(private *rsa.PrivateKey) (map[string]func(context.Context) error, error) {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(tokenIssuer),
		jwt.WithAudience(tokenAudience), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	key := func(*jwt.Token) (any, error) { return &private.PublicKey, nil }
	interceptor := auth.UnaryServerInterceptor(func(ctx context.Context) (context.Context, error) {
		raw, err := auth.AuthFromMD(ctx, "bearer")
		if err != nil {
			return nil, err
		}
		token, err := parser.Parse(raw, key)
		if err != nil {
			return nil, status.Error(codes.Unauthenticated, "invalid token")
		}
		return context.WithValue(ctx, principalKey{}, token.Claims), nil
	})
	info, handler := &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) { return nil, nil }
	issuer, err := jwtauth.New(jwtauth.WithIssuer(tokenIssuer), jwtauth.WithAudience(tokenAudience),
		jwtauth.WithKey("1", &private.PublicKey))
	if err != nil {
		return nil, err
	}
	authenticate := issuer.Bind(runtime.MethodInfo{})
	return map[string]func(context.Context) error{
		middleware: func(ctx context.Context) error {
			_, err := interceptor(ctx, nil, info, handler)
			return err
		},
		ours: func(ctx context.Context) error {
			_, err := authenticate(ctx)
			return err
		},
	}, nil
}

// tokenBlock authenticates n calls.
func tokenBlock(ctx context.Context, check func(context.Context) error, n int) block {
	return func() (peers.Usage, error) {
		before, err := peers.Used()
		if err != nil {
			return peers.Usage{}, err
		}
		for range n {
			if err := check(ctx); err != nil {
				return peers.Usage{}, err
			}
		}
		after, err := peers.Used()
		return after.Since(before), err
	}
}
