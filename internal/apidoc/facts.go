package apidoc

import (
	"fmt"

	"github.com/grpcservice/grpcservice/internal/apidoc/markup"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// facts returns the rules of an RPC, in the order in which a caller meets them.
func (b *builder) facts(c call) (facts []Fact) {
	add := func(topic string, lines ...markup.Text) {
		if len(lines) > 0 {
			facts = append(facts, Fact{topic, lines})
		}
	}
	p := c.Policy.Policy
	add("REST", restFacts(c)...)
	if p.Auth == nil {
		add("Access", markup.Say("The RPC has no ", markup.Code("auth"), " policy: a server that authenticates rejects all callers."))
	} else {
		add("Access", markup.Say("Allowed are ", access(p), "."))
	}
	add("Permission", permission(p)...)
	add("Deadline", deadline(c)...)
	add("Stream", b.stream(c)...)
	add("Rate", rates(p)...)
	add("Concurrency", concurrency(p)...)
	if p.MaxRequestBytes > 0 {
		what := "A request has at most "
		if c.Kind.StreamsRequests() {
			what = "Each request has at most "
		}
		add("Size", markup.Say(what, size(p.MaxRequestBytes), ", after decompression."))
	}
	add("Retries", retries(c)...)
	add("Idempotency key", idempotencyKey(p)...)
	if p.Validate {
		add("Validation", markup.Say("The server checks the rules of the fields before the RPC runs."))
	}
	for _, of := range patternFacts {
		add(of.topic, of.say(b, c)...)
	}
	return facts
}

// serviceFacts returns the rules of a service as a whole.
func serviceFacts(s model.Service) (facts []Fact) {
	b := s.Balancing.Balancing
	if (b == policy.Balancing{}) {
		return nil
	}
	var lines []markup.Text
	switch b.Policy {
	case policy.PickFirst:
		lines = append(lines, markup.Say("Clients send all calls to the first server that they can reach."))
	case policy.LeastRequest:
		lines = append(lines, markup.Say("Of two random servers, clients call the one with fewer of their calls in progress."))
	default:
		lines = append(lines, markup.Say("Clients call the servers in turn."))
	}
	if b.Connections > 1 {
		lines = append(lines, markup.Say(fmt.Sprintf("A client opens up to %d connections to each server.", b.Connections)))
	}
	if b.SameZone {
		lines = append(lines, markup.Say("Calls stay in the zone of the client while it has servers with capacity."))
	}
	return []Fact{{"Balancing", lines}}
}

// access returns which callers an RPC allows, to follow "Allowed are".
func access(p policy.Policy) []markup.Span {
	a := p.Auth
	switch {
	case a == nil:
		return markup.Spans("none, if the server authenticates")
	case a.Public:
		return markup.Spans("all callers, without authentication")
	}
	var clauses [][]markup.Span
	switch len(a.AllOf) {
	case 0:
	case 1:
		clauses = append(clauses, markup.Spans("the scope ", markup.Code(a.AllOf[0])))
	default:
		clauses = append(clauses, markup.Spans("the scopes ", markup.Codes(a.AllOf, "and")))
	}
	if len(a.AnyOf) > 0 {
		clauses = append(clauses, markup.Spans("the scope ", markup.Codes(a.AnyOf, "or")))
	}
	if len(a.Principals) > 0 {
		clauses = append(clauses, markup.Spans("the principal ", markup.Codes(a.Principals, "or")))
	}
	if len(clauses) == 0 {
		return markup.Spans("all authenticated callers")
	}
	spans := markup.Spans("callers with ", clauses[0])
	for _, clause := range clauses[1:] {
		spans = markup.Spans(spans, ", and ", clause)
	}
	return spans
}

func permission(p policy.Policy) (lines []markup.Text) {
	if p.Permission.Name == "" {
		return nil
	}
	lines = append(lines, markup.Say("The caller needs ", markup.Code(p.Permission.Name), " on the resource in ",
		markup.Code(p.Permission.Resource), ", which must not be empty."))
	if p.Permission.Inherit {
		lines[0] = markup.Say("The caller needs ", markup.Code(p.Permission.Name), " on the resource in ",
			markup.Code(p.Permission.Resource), ". A later request that leaves it empty concerns the resource of the one before.")
	}
	if p.Permission.HideExistence {
		lines = append(lines, markup.Say("Without the permission, the RPC fails as if the resource did not exist."))
	}
	return lines
}

func deadline(c call) (lines []markup.Text) {
	p := c.Policy.Policy
	if c.Kind != model.Unary {
		return nil
	}
	switch {
	case p.Timeout > 0:
		lines = append(lines, markup.Say("A call without a deadline gets one of ", duration(p.Timeout), "."))
	case p.Timeout < 0:
		lines = append(lines, markup.Say("A call without a deadline has none."))
	default:
		lines = append(lines, markup.Say("A call without a deadline gets that of the server: 30 s by default."))
	}
	if p.MaxTimeout > 0 {
		lines = append(lines, markup.Say("The server shortens a longer deadline to ", duration(p.MaxTimeout), "."))
	}
	return lines
}

// stream returns how the messages of a stream go, and how it ends.
func (b *builder) stream(c call) (lines []markup.Text) {
	say := func(parts ...any) { lines = append(lines, markup.Say(parts...)) }
	p := c.Policy.Policy
	switch {
	case c.Kind == model.Unary:
		return nil
	case p.Subscription.MaxLines > 0:
		say("Responses follow until the caller cancels the call, or it fails. A stream that the server ends without an error is complete.")
	case c.Kind == model.ServerStream:
		say("Any number of responses follows. The stream ends with the status of the call.")
	case c.Kind == model.ClientStream:
		say("The caller sends any number of requests and closes its side. The response follows. The server may fail the call before.")
	case p.Room.Queue > 0:
		say("The caller joins with its first request. Requests and responses are independent of each other. The call lasts until the caller cancels it, the service ends it, or it fails.")
	default:
		say("Requests and responses are independent of each other, in both directions in order. The stream ends with the status of the call.")
	}
	if p.IdleTimeout > 0 {
		say("A stream without a message in either direction fails after ", duration(p.IdleTimeout), ".")
	}
	if p.TotalTimeout > 0 {
		say("The stream lasts at most ", duration(p.TotalTimeout), ".")
	}
	say("A server that shuts down ends the stream with UNAVAILABLE, ", markup.Code("SERVER_DRAINING"), ": call again.")
	return lines
}

func rates(p policy.Policy) (lines []markup.Text) {
	of := map[policy.Key]string{
		policy.ByMethod: "of all callers together", policy.ByPrincipal: "of each principal",
		policy.ByPeer: "from each address",
	}
	for _, r := range p.Rates {
		lines = append(lines, markup.Say(number(r.PerSecond), " calls per second ", of[r.Key], ", and up to ",
			count(int64(r.Burst)), " at once."))
	}
	return lines
}

func concurrency(p policy.Policy) (lines []markup.Text) {
	c := p.Concurrency
	if c.Limit <= 0 {
		return nil
	}
	text := fmt.Sprintf("A server runs %s at a time", plural(c.Limit, "call"))
	if c.Adaptive {
		text = fmt.Sprintf("A server runs up to %s at a time, fewer while they are slow", plural(c.Limit, "call"))
	}
	if c.MaxWait > 0 {
		return append(lines, markup.Say(text, ". A further call waits up to ", duration(c.MaxWait), " for its turn."))
	}
	return append(lines, markup.Say(text, ", and rejects further calls."))
}

func retries(c call) (lines []markup.Text) {
	say := func(parts ...any) { lines = append(lines, markup.Say(parts...)) }
	p := c.Policy.Policy
	switch {
	case p.Idempotency == policy.NoSideEffects:
		say("Safe to repeat: the RPC has no side effects.")
	case p.Idempotency == policy.Idempotent:
		say("Safe to repeat: a repeated call has no further effect.")
	case p.IdempotencyKey.Field != "":
		say("Safe to repeat with the same idempotency key.")
	case p.Retry.MaxAttempts > 0:
		say("Safe to repeat, by its policy.")
	default:
		say("A repeated call may repeat its effect.")
	}
	switch r, h := p.Retry, p.Hedging; {
	case r.MaxAttempts > 0:
		say("Clients retry after ", codes(r.Codes), ": ", plural(r.MaxAttempts, "attempt"), " in all, after random waits of up to ",
			duration(r.InitialBackoff), ", which grow by a factor of ", number(r.Multiplier), " up to ", duration(r.MaxBackoff), ".")
	case h.MaxAttempts > 0 && h.Delay > 0:
		say("Clients hedge: without a response after ", duration(h.Delay), ", they call another server as well, ",
			plural(h.MaxAttempts, "attempt"), " in all. The first response counts; ", codes(h.NonFatalCodes), " does not end the others.")
	case h.MaxAttempts > 0:
		say("Clients hedge: they call ", plural(h.MaxAttempts, "server"), " at once. The first response counts; ",
			codes(h.NonFatalCodes), " does not end the others.")
	}
	return lines
}

func codes(list []string) []markup.Span {
	spans := markup.Codes(list, "or")
	for i := range spans {
		spans[i].IsCode = false
	}
	return spans
}

func idempotencyKey(p policy.Policy) (lines []markup.Text) {
	k := p.IdempotencyKey
	if k.Field == "" {
		return nil
	}
	kind := "a text of at most 256 bytes"
	if k.UUID4 {
		kind = "a UUID, version 4"
	}
	must := " may hold "
	if k.Required {
		must = " must hold "
	}
	lines = append(lines, markup.Say(markup.Code(k.Field), must, kind, ". Generated clients fill it in."))
	if p.Operation.Lease != 0 {
		return append(lines, markup.Say("A call with the key of an earlier one returns the operation of that one."))
	}
	return append(lines, markup.Say("A server that stores responses returns the first response to later calls with the same key, for ",
		duration(k.Window), ". The same key with another request is rejected."))
}
