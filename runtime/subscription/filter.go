package subscription

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// filter is what a request selects.
type filter struct {
	since   time.Time // the zero time if there is none
	texts   map[string]struct{}
	numbers map[protoreflect.EnumNumber]struct{}
	level   int // the minimum; 0 if there is none
}

// traits are what filters need of an event.
type traits struct {
	time   time.Time
	text   string // of the type
	number protoreflect.EnumNumber
	level  int
}

// newFilter reads the filter of a request.
func (s *shape) newFilter(req protoreflect.Message) (f filter, err error) {
	if f.since, err = s.sinceOf(req); err != nil {
		return f, err
	}
	if err = s.addTypes(&f, req); err != nil || len(s.level) == 0 {
		return f, err
	}
	f.level, err = s.levelOf(req)
	return f, err
}

// sinceOf returns the time of a request, or the zero time.
func (s *shape) sinceOf(req protoreflect.Message) (time.Time, error) {
	if len(s.since) == 0 || !s.since.Has(req) {
		return time.Time{}, nil
	}
	since, ok := s.since.Time(req)
	if !ok {
		return time.Time{}, invalid(ReasonStartInvalid, s.names.Since,
			"is not a valid time; send one of the years 1 to 9999")
	}
	return since, nil
}

// addTypes adds the types of a request.
func (s *shape) addTypes(f *filter, req protoreflect.Message) error {
	if len(s.types) == 0 || !s.types.Has(req) {
		return nil
	}
	value := s.types.Get(req)
	if !s.types.Last().IsList() {
		return s.addType(f, value)
	}
	for i := range value.List().Len() {
		if err := s.addType(f, value.List().Get(i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *shape) addType(f *filter, value protoreflect.Value) error {
	enum := s.types.Last().Enum()
	if enum == nil {
		f.texts = with(f.texts, value.String())
		return nil
	}
	if enum.Values().ByNumber(value.Enum()) == nil {
		return invalid(ReasonFilterInvalid, s.names.Types, fmt.Sprintf("has no value %d", value.Enum()))
	}
	f.numbers = with(f.numbers, value.Enum())
	return nil
}

// with adds a key to a set, which may be nil.
func with[K comparable](set map[K]struct{}, key K) map[K]struct{} {
	if set == nil {
		set = map[K]struct{}{}
	}
	set[key] = struct{}{}
	return set
}

// isEmpty reports whether all events pass.
func (f *filter) isEmpty() bool {
	return f.since.IsZero() && f.texts == nil && f.numbers == nil && f.level == 0
}

// passes reports whether an event passes. Events without a known level pass every level.
func (f *filter) passes(t *traits) bool {
	if t.time.Before(f.since) || t.level < f.level && t.level != 0 {
		return false
	}
	if f.texts != nil {
		_, ok := f.texts[t.text]
		return ok
	}
	if f.numbers != nil {
		_, ok := f.numbers[t.number]
		return ok
	}
	return true
}

// traitsOf returns the traits of an event that was appended at a time.
func (s *shape) traitsOf(event protoreflect.Message, appended time.Time) *traits {
	t := &traits{time: appended}
	if len(s.time) > 0 {
		if own, ok := s.time.Time(event); ok {
			t.time = own
		}
	}
	if len(s.kind) > 0 {
		if value := s.kind.Get(event); s.kind.Last().Enum() != nil {
			t.number = value.Enum()
		} else {
			t.text = value.String()
		}
	}
	if len(s.entryLevel) > 0 {
		t.level = rank(s.entryLevel, event)
	}
	return t
}

// levels are the ranks of levels that are strings.
var levels = map[string]int{
	"trace": 1, "debug": 2, "info": 3, "notice": 4, "warn": 5, "warning": 5,
	"error": 6, "critical": 7, "fatal": 8,
}

// rank returns the rank of a level: 0 if it is unset or unknown.
func rank(p fieldpath.Path, m protoreflect.Message) int {
	value := p.Get(m)
	if p.Last().Enum() != nil {
		return int(value.Enum())
	}
	return levels[strings.ToLower(value.String())]
}

// levelOf returns the minimum level of a request, or 0.
func (s *shape) levelOf(req protoreflect.Message) (int, error) {
	level, value := rank(s.level, req), s.level.Get(req)
	enum := s.level.Last().Enum()
	switch {
	case enum != nil && enum.Values().ByNumber(value.Enum()) == nil:
		return 0, invalid(ReasonFilterInvalid, s.names.Level,
			fmt.Sprintf("has no value %d", value.Enum()))
	case enum == nil && level == 0 && value.String() != "":
		return 0, invalid(ReasonFilterInvalid, s.names.Level,
			"is not a known level; send one of "+strings.Join(knownLevels(), ", "))
	}
	return level, nil
}

// knownLevels returns the levels from the lowest to the highest.
func knownLevels() []string {
	return slices.SortedFunc(maps.Keys(levels), func(a, b string) int {
		if levels[a] != levels[b] {
			return levels[a] - levels[b]
		}
		return strings.Compare(a, b)
	})
}
