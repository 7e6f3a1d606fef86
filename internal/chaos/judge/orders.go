package judge

import (
	"maps"
	"slices"

	"github.com/grpcservice/grpcservice/internal/chaos/history"
)

// Rules of orders.
const (
	// OrderLost is that a client has an answer, and the order is not stored.
	OrderLost Rule = "order lost"
	// OrderTwice is that an order was placed twice.
	OrderTwice Rule = "order placed twice"
	// OrderUnexpected is that no client placed an order.
	OrderUnexpected Rule = "order unexpected"
	// OrderDiffers is that two answers for one key differ, or an answer and the order.
	OrderDiffers Rule = "answers differ"
	// KeyReused is that a key was accepted for another request.
	KeyReused Rule = "key reused"
)

// PlacedOrder is an order in the database.
type PlacedOrder struct {
	Key    string
	Answer string // as clients see it
}

// CheckOrders returns the violations of a history of orders.
func CheckOrders(h history.History, placed []PlacedOrder) []Violation {
	var v verdict
	byKey := map[string][]string{}
	for _, order := range placed {
		byKey[order.Key] = append(byKey[order.Key], order.Answer)
	}
	tried, answered := map[string]int{}, map[string]history.Entry{}
	for _, call := range h.Of(history.Order) {
		tried[call.Key] = call.Line
		if call.End.Type != history.OK {
			continue
		}
		before, ok := answered[call.Key]
		if !ok {
			answered[call.Key] = call.End
		} else if before.Answer != call.End.Answer {
			v.add(OrderDiffers, at(before.Line, call.End.Line), "key %s: %q and %q", call.Key,
				before.Answer, call.End.Answer)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(answered)) {
		answer := answered[key]
		if stored := byKey[key]; len(stored) == 0 {
			v.add(OrderLost, at(answer.Line), "key %s: %q is not stored", key, answer.Answer)
		} else if !slices.Contains(stored, answer.Answer) {
			v.add(OrderDiffers, at(answer.Line), "key %s: %q, and %q is stored", key, answer.Answer,
				stored)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		line, ok := tried[key]
		if !ok {
			v.add(OrderUnexpected, nil, "key %s: %q", key, byKey[key])
		} else if len(byKey[key]) > 1 {
			v.add(OrderTwice, at(line), "key %s: %q", key, byKey[key])
		}
	}
	for _, call := range h.Of(history.Reuse) {
		if call.End.Type == history.OK {
			v.add(KeyReused, at(call.Line, call.End.Line), "key %s: %q", call.Key, call.End.Answer)
		}
	}
	return v
}
