package policy

import "reflect"

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
	var none Policy
	for i := range rules {
		r := &rules[i]
		misfits := r.fits != nil && r.fits(m) != ""
		for j := range r.options {
			o := &r.options[j]
			if o.take != nil && (misfits || o.of != 0 && !o.of.have(m)) {
				o.take(&p, &none)
			}
		}
	}
	return p
}
