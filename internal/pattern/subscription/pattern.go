// Package subscription is the pattern of a method that streams events or log lines, starting at a
// position, a time or a number of lines.
package subscription

import (
	"reflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Name is the name of the pattern.
const Name = "subscription"

// Pattern returns the table row of the pattern.
func Pattern() pattern.Pattern {
	return pattern.Pattern{
		Name: Name, Option: Name, Is: "a subscription", What: "subscription", Docs: "subscriptions.md",
		Kinds: pattern.ServerStream, Detect: detect,
		Parts: []string{
			"position", "next_position", "since", "lines", "types", "type", "level", "entry_level", "time",
		},
		Shown:     "subscription.position and subscription.next_position, subscription.since or subscription.lines",
		Package:   pattern.Package{Name: "subscription", Path: "github.com/grpcservice/grpcservice/runtime/subscription"},
		Needs:     pattern.Needs{Dependency: log(), TokenKeys: true},
		Arguments: reflect.TypeFor[Arguments](), Stub: reflect.TypeFor[StubMethod](),
	}
}

// log returns the dependency for the log that a subscription reads.
func log() *pattern.Dependency {
	return &pattern.Dependency{
		Name:    "events",
		Package: pattern.Package{Name: "eventlog", Path: "github.com/grpcservice/grpcservice/runtime/eventlog"},
		Type:    "Log", New: "New", Store: "NewMemory",
		Doc:  "whose subscriptions read the log",
		TODO: "Use a durable store that all replicas share.",
	}
}

// Subscription contains the fields of a subscription, any of which may be empty. In a pair, either
// both are set or neither.
type Subscription struct {
	Position, NextPosition shape.Path // of the request and the response: strings or bytes
	Since                  shape.Path // of the request: a timestamp
	Time                   shape.Path // of the response: a timestamp
	Types, Type            shape.Path // of the request and the response: strings, or of one enum
	Lines                  shape.Path // of the request: an integer
	Level, EntryLevel      shape.Path // of the request and the response: strings, or of one enum
}

// Fields implements [pattern.Found].
func (s *Subscription) Fields() map[string]any {
	return pattern.Fields(map[string]shape.Path{
		"position": s.Position, "next_position": s.NextPosition, "since": s.Since, "time": s.Time,
		"types": s.Types, "type": s.Type, "lines": s.Lines, "level": s.Level, "entry_level": s.EntryLevel,
	})
}

// Limits implements [pattern.Found].
func (s *Subscription) Limits(has *policy.Patterns) { has.Add(Name) }
