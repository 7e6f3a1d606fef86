package jwtauth

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// New returns an authenticator for the tokens of one issuer. [WithIssuer] and [WithAudience] are
// required. It does not use the network; it reads the file of [WithKeyFile].
func New(opts ...Option) (*Authenticator, error) {
	s := &settings{
		types: []string{"JWT", "at+jwt", ""}, scopes: []string{"scope", "scp"},
		leeway: 30 * time.Second, maxTokenSize: 8 << 10, cacheTokens: 10000, cacheAge: 5 * time.Minute,
		timing: timing{
			minAge: 5 * time.Minute, maxAge: time.Hour, maxStale: 24 * time.Hour,
			coolDown: 10 * time.Second, timeout: 5 * time.Second, now: time.Now,
		},
	}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	if err := errors.Join(s.checkClaims(), s.checkLimits(), s.checkTiming()); err != nil {
		return nil, fmt.Errorf("jwtauth.New: %w", err)
	}
	a, err := s.build()
	if err != nil {
		return nil, fmt.Errorf("jwtauth.New: %w", err)
	}
	return a, nil
}

// checkClaims checks what tokens must say.
func (s *settings) checkClaims() error {
	var errs []error
	switch {
	case s.issuer == "":
		errs = append(errs, errors.New("no issuer; pass WithIssuer"))
	case strings.Contains(s.issuer, "#"):
		errs = append(errs, fmt.Errorf("WithIssuer(%q): an issuer has no \"#\"", s.issuer))
	}
	if len(s.audiences) == 0 || slices.Contains(s.audiences, "") {
		errs = append(errs, errors.New("no audience; pass WithAudience with those of this service"))
	}
	if len(s.types) == 0 {
		errs = append(errs, errors.New("WithTokenTypes(): pass at least one type"))
	}
	if slices.Contains(s.scopes, "") {
		errs = append(errs, errors.New("WithScopesFrom(\"\"): pass the names of claims"))
	}
	if s.noRevocation {
		errs = append(errs, errors.New("WithRevocation(nil): pass a function"))
	}
	return errors.Join(errs...)
}

// checkLimits checks sizes and the cache.
func (s *settings) checkLimits() error {
	var errs []error
	if s.leeway < 0 || s.leeway > 5*time.Minute {
		errs = append(errs, fmt.Errorf("WithLeeway(%v): use 0 to 5 minutes", s.leeway))
	}
	if s.maxTokenSize < 256 || s.maxTokenSize > 64<<10 {
		errs = append(errs, fmt.Errorf("WithMaxTokenSize(%d): use 256 to 65536 bytes", s.maxTokenSize))
	}
	wrongAge := s.cacheTokens > 0 && (s.cacheAge <= 0 || s.cacheAge > time.Hour)
	if s.cacheTokens < 0 || s.cacheTokens > 1<<20 || wrongAge {
		errs = append(errs, fmt.Errorf("WithCache(%d, %v): use 0 to 1048576 tokens, and up to 1 hour",
			s.cacheTokens, s.cacheAge))
	}
	return errors.Join(errs...)
}

// checkTiming checks when keys are fetched.
func (s *settings) checkTiming() error {
	var errs []error
	t := s.timing
	if t.minAge < time.Second || t.maxAge < t.minAge || t.maxAge > 7*24*time.Hour {
		errs = append(errs, fmt.Errorf("WithRefresh(%v, %v): use 1 s to 7 days, the smaller one first",
			t.minAge, t.maxAge))
	}
	if t.maxStale < t.maxAge {
		errs = append(errs, fmt.Errorf("WithMaxStale(%v): use at least the %v "+
			"after which keys are fetched again", t.maxStale, t.maxAge))
	}
	if t.coolDown < time.Second || t.coolDown > time.Hour {
		errs = append(errs, fmt.Errorf("WithUnknownKeyInterval(%v): use 1 s to 1 hour", t.coolDown))
	}
	if t.timeout <= 0 || t.timeout > time.Minute {
		errs = append(errs, fmt.Errorf("WithFetchTimeout(%v): use up to 1 minute", t.timeout))
	}
	return errors.Join(errs...)
}

// build returns the authenticator of checked settings.
func (s *settings) build() (*Authenticator, error) {
	possible := asymmetric
	if s.sources&sourceSecret != 0 {
		possible = symmetric
	}
	methods, err := only(possible, s.algorithms)
	if err != nil {
		return nil, err
	}
	source, err := s.source()
	if err != nil {
		return nil, err
	}
	types := make(map[string]bool, len(s.types))
	for _, kind := range s.types {
		types[canonicalType(kind)] = true
	}
	return &Authenticator{
		verifier: verifier{s.issuer, slices.Clone(s.audiences), methods, types, s.scopes, s.leeway},
		source:   source, cache: newCache(s.cacheTokens, s.cacheAge),
		maxTokenSize: s.maxTokenSize, revoked: s.revoked, now: s.timing.now,
	}, nil
}

// source returns the source of the keys.
func (s *settings) source() (source, error) {
	if bits.OnesCount(uint(s.sources)) > 1 {
		return nil, errors.New("the keys have several sources; " +
			"use one of WithJWKSURL, WithKeyFile, WithKey and WithSecret")
	}
	switch s.sources {
	case sourceFile:
		return openFile(s.keyFile, s.log)
	case sourceKeys:
		return s.staticKeys()
	case sourceSecret:
		return s.staticSecrets()
	}
	option, address := "WithJWKSURL", s.jwksURL
	if s.sources == 0 {
		option, address = "WithIssuer", s.issuer
		if strings.Contains(address, "?") {
			return nil, fmt.Errorf("WithIssuer(%q): an issuer with discovery has no query", address)
		}
	}
	if err := checkURL(address, s.plainHTTP); err != nil {
		return nil, fmt.Errorf("%s: %w", option, err)
	}
	f := &fetcher{newClient(s.client), s.issuer, s.jwksURL, s.plainHTTP}
	return newRemote(f.fetch, s.timing, s.log), nil
}

func (s *settings) log() *slog.Logger { return cmp.Or(s.logger, slog.Default()) }

// staticKeys returns the keys of WithKey.
func (s *settings) staticKeys() (source, error) {
	var keys []*key
	for _, static := range s.keys {
		k, err := newKey(static.id, static.public, "")
		if err != nil {
			return nil, fmt.Errorf("WithKey(%q): %w", static.id, err)
		}
		keys = append(keys, k)
	}
	set, err := newKeySet(keys)
	return fixed{set}, err
}

// staticSecrets returns the secrets of WithSecret.
func (s *settings) staticSecrets() (source, error) {
	if len(s.secrets) == 0 {
		return nil, errors.New("WithSecret(): pass a secret")
	}
	var keys []*key
	for _, secret := range s.secrets {
		methods := slices.DeleteFunc([]string{"HS256", "HS384", "HS512"}, func(name string) bool {
			return len(secret) < symmetric[name].(*jwt.SigningMethodHMAC).Hash.Size()
		})
		if len(methods) == 0 {
			return nil, fmt.Errorf("WithSecret: a secret of %d bytes; use at least 32 random bytes",
				len(secret))
		}
		keys = append(keys, &key{methods: methods, public: secret})
	}
	set, err := newKeySet(keys)
	return fixed{set}, err
}
