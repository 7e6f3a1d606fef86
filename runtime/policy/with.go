package policy

import (
	"reflect"
	"slices"
)

// With returns the policy of a method whose service has policy p: each field that own sets
// overrides that of p as a whole. A zero field of own keeps p's, and these values disable one:
//
//   - a duration: [None]
//   - Rates: an empty slice that is not nil
//   - Concurrency: a negative Limit
//   - Log: Sample 1, which logs every call at the default level
//   - MaxRequestBytes: a negative number
//
// Retry and Hedging are mutually exclusive, so either overrides both.
func (p Policy) With(own Policy) Policy {
	if own.Retry.MaxAttempts != 0 {
		p.Hedging = Hedging{}
	}
	if own.Hedging.MaxAttempts != 0 {
		p.Retry = Retry{}
	}
	to, from := reflect.ValueOf(&p).Elem(), reflect.ValueOf(own)
	for i := range from.NumField() {
		if field := from.Field(i); !field.IsZero() {
			to.Field(i).Set(field)
		}
	}
	if len(p.Rates) == 0 {
		p.Rates = nil
	}
	if p.Concurrency.Limit < 0 {
		p.Concurrency = Concurrency{}
	}
	if p.Log.Sample == 1 {
		p.Log.Sample = 0 // as options have it
	}
	return p
}

// For returns the policy without what methods of this kind cannot have, because the policy of a
// service may have it. The arguments are the stream keywords of the RPC.
func (p Policy) For(clientStreams, serverStreams bool) Policy {
	return p.fit(Method{
		ClientStreams: clientStreams, ServerStreams: serverStreams, Idempotency: Idempotent,
	})
}

// fit returns the policy without what methods of this kind cannot have.
func (p Policy) fit(m Method) Policy {
	for _, r := range rules {
		misfits := r.fits != nil && r.fits(m) != ""
		wrong, _ := r.forCalls(m)
		for _, o := range r.options {
			if o.take != nil && (misfits || slices.Contains(wrong, o.name)) {
				o.take(&p, &Policy{})
			}
		}
	}
	return p
}
