package subscription

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// positionWords are words in the names of positions, in order of preference.
var positionWords = []string{
	"position", "cursor", "token", "revision", "marker", "checkpoint", "offset", "sequence", "index",
}

// beside are words that only distinguish the position to start at from the position to resume at.
var beside = []string{
	"next", "start", "starting", "optional", "after", "last", "resume", "from", "current", "result", "since",
	"new", "continue",
}

// findPositions finds the position in the request and its counterpart in the response.
func (s *seeker) findPositions() {
	position, saidIn := s.Use("position", s.In, shape.AToken)
	next, saidOut := s.Use("next_position", s.Out, shape.AToken)
	switch {
	case saidIn && len(position) == 0 || saidOut && len(next) == 0:
		if len(position)+len(next) > 0 {
			s.missPosition(position, next)
		}
		return // the policy states that there are none
	case !saidIn && !saidOut:
		s.findEcho()
		return
	case !saidIn:
		position = s.only(s.In, next)
	case !saidOut:
		next = s.only(s.Out, position)
	}
	if len(position) == 0 || len(next) == 0 || position.Field().Kind() != next.Field().Kind() {
		s.missPosition(position, next)
		return
	}
	s.found.Position, s.found.NextPosition = position, next
}

// missPosition reports that the policy names a position without a counterpart.
func (s *seeker) missPosition(position, next shape.Path) {
	if len(position) > 0 {
		s.missPair("position", position, "next_position", next)
	} else {
		s.missPair("next_position", next, "position", nil)
	}
}

// only returns the position in a message that is the counterpart of the one that the policy names.
func (s *seeker) only(in protoreflect.MessageDescriptor, other shape.Path) shape.Path {
	if len(other) == 0 {
		return nil
	}
	f := shape.Only(positionsIn(in, shape.IsToken), func(f protoreflect.FieldDescriptor) bool {
		return f.Kind() == other.Field().Kind()
	})
	if f == nil {
		return nil
	}
	return shape.Path{f}
}

// findEcho finds two positions of the same type by their names.
func (s *seeker) findEcho() {
	if s.isRangeRead() {
		return
	}
	for _, in := range positionsIn(s.In, shape.IsToken) {
		for _, out := range positionsIn(s.Out, shape.IsToken) {
			if in.Kind() == out.Kind() && stem(in) == stem(out) {
				s.found.Position, s.found.NextPosition = shape.Path{in}, shape.Path{out}
				s.Found(s.level(), fmt.Sprintf("position: %s, continued by %s of the response", in.Name(), out.Name()))
				s.Advise("position", s.found.Position)
				s.Advise("next_position", s.found.NextPosition)
				return
			}
		}
	}
	s.guessEcho()
}

// guessEcho reports positions whose names or types do not match as a helper requires.
func (s *seeker) guessEcho() {
	for _, in := range positionsIn(s.In, isAnyPosition) {
		for _, out := range positionsIn(s.Out, isAnyPosition) {
			if !sameShape(in, out) || shape.IsToken(in) && !s.isNamed || !shape.IsToken(in) && stem(in) != stem(out) {
				continue
			}
			e := pattern.Evidence{}
			if shape.IsToken(in) {
				e.Advise("position", shape.Path{in})
				e.Advise("next_position", shape.Path{out})
				e.Found(pattern.Possible, fmt.Sprintf("%s and %s of the response may be positions", in.Name(), out.Name()))
			} else {
				e.Found(pattern.Possible, fmt.Sprintf("%s and %s of the response are positions that are neither strings nor bytes", in.Name(), out.Name()))
			}
			s.Report(Name, e)
			return
		}
	}
}

// isRangeRead reports whether the method reads a range of bytes that starts at an offset.
func (s *seeker) isRangeRead() bool {
	isOffset := func(f protoreflect.FieldDescriptor) bool {
		return slices.Contains(shape.WordsOf(f.Name()), "offset")
	}
	hasBytes := func(f protoreflect.FieldDescriptor) bool { return shape.IsBytes(f) && !isPosition(f) }
	return len(shape.FieldsThat(s.In, isOffset)) > 0 && len(shape.FieldsThat(s.Out, hasBytes)) > 0
}

// positionsIn returns the fields of a message with names of positions, in order of preference.
func positionsIn(m protoreflect.MessageDescriptor, is func(protoreflect.FieldDescriptor) bool) []protoreflect.FieldDescriptor {
	fields := shape.FieldsThat(m, func(f protoreflect.FieldDescriptor) bool {
		return is(f) && isPosition(f) && !shape.IsDeprecated(f)
	})
	slices.SortStableFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return rank(a) - rank(b) })
	return fields
}

func isPosition(f protoreflect.FieldDescriptor) bool { return rank(f) < len(positionWords) }

// rank returns the preference of a position's name; lower is better.
func rank(f protoreflect.FieldDescriptor) int {
	words := shape.WordsOf(f.Name())
	if strings.HasPrefix(string(f.Name()), "page_") || len(words) == 0 {
		return len(positionWords)
	}
	if i := slices.Index(positionWords, words[len(words)-1]); i >= 0 {
		return i
	}
	return len(positionWords)
}

// stem returns a name without the words that distinguish the position to start at from the position
// to resume at.
func stem(f protoreflect.FieldDescriptor) string {
	words := slices.DeleteFunc(shape.WordsOf(f.Name()), func(word string) bool { return slices.Contains(beside, word) })
	return strings.Join(words, "_")
}

// isAnyPosition reports whether some API could use the type of a field for a position.
func isAnyPosition(f protoreflect.FieldDescriptor) bool {
	if !shape.IsSingular(f) || f.Kind() == protoreflect.BoolKind {
		return false
	}
	return f.Message() == nil || !strings.HasPrefix(string(f.Message().FullName()), "google.protobuf.")
}

// sameShape reports whether two fields have the same type.
func sameShape(a, b protoreflect.FieldDescriptor) bool {
	return a.Kind() == b.Kind() && (a.Message() == nil || a.Message().FullName() == b.Message().FullName())
}
