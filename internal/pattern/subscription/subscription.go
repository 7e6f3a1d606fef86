package subscription

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Names of the fields of subscriptions, in order of preference.
var (
	sinceNames = []string{
		"since", "start_time", "from_time", "after", "after_time", "since_time", "start_after", "from",
	}
	untilNames = []string{"until", "end_time", "to_time", "before", "end", "to"}
	timeNames  = []string{
		"time", "timestamp", "event_time", "create_time", "created_at", "occurred_at", "occur_time",
	}
	typesNames = []string{"event_types", "types", "kinds", "event_kinds", "event_type", "type", "kind"}
	typeNames  = []string{"type", "event_type", "kind", "event_kind"}
	linesNames = []string{
		"lines", "tail_lines", "last_lines", "num_lines", "tail", "last_n", "backlog", "tail_count",
	}
	levelNames      = []string{"level", "min_level", "severity", "min_severity", "log_level"}
	entryLevelNames = []string{"level", "severity", "log_level"}
)

// verbs are the first words of methods whose streams do not end by themselves.
var verbs = []string{
	"subscribe", "watch", "tail", "follow", "listen", "observe", "monitor", "resume", "replay",
}

// seeker looks for the fields of a subscription.
type seeker struct {
	pattern.Seeker
	found   Subscription
	isNamed bool // whether the method's name suggests a subscription
}

// detect looks for a subscription.
func detect(m *pattern.Method) pattern.Found {
	words := shape.WordsOf(m.Desc.Name())
	s := seeker{
		Seeker:  pattern.Seeker{Method: m, Row: Pattern()},
		isNamed: len(words) > 0 && slices.Contains(verbs, words[0]),
	}
	s.findPositions()
	s.findLines()
	s.findSince()
	if !s.isNamed && len(s.found.Position)+len(s.found.Lines)+len(s.ByPolicy) == 0 {
		s.guessSince()
		return nil
	}
	s.findPair("types", "type", shape.Symbols, typesNames, typeNames, &s.found.Types, &s.found.Type)
	s.findPair("level", "entry_level", shape.ASymbol, levelNames, entryLevelNames, &s.found.Level, &s.found.EntryLevel)
	s.findTime()
	if !s.starts() {
		return nil
	}
	s.Conclude()
	return &s.found
}

// starts reports whether anything besides the method's name makes it a subscription.
func (s *seeker) starts() bool {
	f := s.found
	return len(f.Position)+len(f.Lines)+len(f.Since)+len(f.Types)+len(f.Level) > 0
}

// level returns the level of findings in the request, which the method's name can confirm.
func (s *seeker) level() pattern.Level {
	if s.isNamed {
		return pattern.Certain
	}
	return pattern.Likely
}

func (s *seeker) findLines() {
	path, said := s.UseOrFind("lines", s.In, shape.ACount, linesNames...)
	if s.found.Lines = path; !said && len(path) > 0 {
		s.Found(s.level(), fmt.Sprintf("lines: %s, by its name", path))
		s.Advise("lines", path)
	}
}

func (s *seeker) findSince() {
	path, said := s.UseOrFind("since", s.In, shape.ATimestamp, sinceNames...)
	if said {
		s.found.Since = path
		return
	}
	if until := shape.FirstNamed(s.In, untilNames, shape.IsTimestamp); len(until) > 0 {
		return // a time range, which has an end
	}
	s.found.Since = path
	if len(path) > 0 && s.isNamed {
		s.Found(pattern.Certain, fmt.Sprintf("since: %s, by its name", path))
	}
}

// guessSince reports a method whose only sign of a subscription is a start time.
func (s *seeker) guessSince() {
	if len(s.found.Since) > 0 {
		s.Advise("since", s.found.Since)
		s.Guess(fmt.Sprintf("since: %s, by its name", s.found.Since))
	}
}

func (s *seeker) findTime() {
	if len(s.found.Since) > 0 || s.SaidPart("time") {
		s.found.Time, _ = s.UseOrFind("time", s.Out, shape.ATimestamp, timeNames...)
	}
}

// findPair finds a field of the request that filters responses, and the field of the response that
// it is compared with.
func (s *seeker) findPair(
	part, other string, want shape.Kind, names, otherNames []string, in, out *shape.Path,
) {
	ask, saidAsk := s.UseOrFind(part, s.In, want, names...)
	has, saidHas := s.UseOrFind(other, s.Out, shape.ASymbol, otherNames...)
	switch {
	case len(ask) > 0 && len(has) > 0 && sameType(ask.Field(), has.Field()):
		*in, *out = ask, has
		if !saidAsk {
			s.Found(pattern.Certain, fmt.Sprintf("%s: %s, matched with %s of the response", part, ask, has))
		}
	case saidAsk && len(ask) > 0:
		s.missPair(part, ask, other, has)
	case saidHas && len(has) > 0:
		s.missPair(other, has, part, ask)
	}
}

// missPair reports that the policy names one field of a pair, and that the other is missing or has
// a different type.
func (s *seeker) missPair(part string, path shape.Path, other string, found shape.Path) {
	field := Name + "." + part
	if s.HasProblem(Name) {
		return
	}
	if len(found) == 0 {
		s.Problem(field, fmt.Sprintf("no counterpart of %q is found; name it in %s.%s", path, Name, other))
		return
	}
	s.Problem(field, fmt.Sprintf("%q and %q, its counterpart, have different types; name fields of one type in %s and %s.%s",
		path, found, field, Name, other))
}

// sameType reports whether two fields are both strings, or both the same enum.
func sameType(a, b protoreflect.FieldDescriptor) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	return a.Enum() == nil || a.Enum().FullName() == b.Enum().FullName()
}
