package search

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// limitNames are the names of the maximum number of results, in order of preference.
var limitNames = []string{"limit", "max_results", "result_limit", "max_items", pageSize}

// pageSize may also be the number of results in each response.
const pageSize = "page_size"

// listNames are the names of the results in a response with several results.
var listNames = []string{"items", "results", "rows", "hits", "matches", "entries"}

// containers are the suffixes of messages that may contain several results.
var containers = []string{"Response", "Reply", "Batch", "Chunk", "Page", "List", "Results"}

// seeker looks for the fields of a search.
type seeker struct {
	pattern.Seeker
	search Search
}

// detect looks for a search: a stream that ends at a limit, or whose responses contain several
// results.
func detect(m *pattern.Method) pattern.Found {
	s := seeker{Seeker: pattern.Seeker{Method: m, Row: Pattern()}}
	s.findLimit()
	if !s.findItems() && len(s.search.Limit) == 0 {
		return nil
	}
	s.Conclude()
	return &s.search
}

func (s *seeker) findLimit() {
	path, said := s.UseOrFind("limit", s.In, shape.ACount, limitNames...)
	if s.search.Limit = path; said || len(path) == 0 {
		return
	}
	level := pattern.Certain
	if shape.Snake(path.Field().Name()) == pageSize {
		if shape.FieldNamed(s.In, "page_token") != nil {
			s.search.Limit = nil // the size of a page
			return
		}
		level = pattern.Likely
		s.Advise("limit", path)
	}
	s.Found(level, fmt.Sprintf("limit: %s, by its name", path))
}

// findItems finds the results in a response with several results, and reports whether it found
// them.
func (s *seeker) findItems() bool {
	path, said := s.Use("items", s.Out, shape.AResultList)
	if said {
		s.search.Items = path
		return len(path) > 0
	}
	list, level, why := s.list()
	if list == nil {
		return false
	}
	reason := fmt.Sprintf("items: %s, %s", list.Name(), why)
	if level < pattern.Certain {
		s.Advise("items", shape.Path{list})
	}
	if level == pattern.Possible {
		if len(s.search.Limit) == 0 {
			s.Guess(reason)
			return false
		}
		level = pattern.Likely
	}
	s.search.Items = shape.Path{list}
	s.Found(level, reason)
	return true
}

// list returns the list of a response that may be its results. A response that is itself a result
// may contain lists too.
func (s *seeker) list() (list protoreflect.FieldDescriptor, level pattern.Level, why string) {
	lists := shape.FieldsThat(s.Out, shape.IsMessageList)
	noun := shape.NounOf(s.Desc)
	isNamed := func(f protoreflect.FieldDescriptor) bool { return shape.IsNamedFor(f, noun) >= 2 }
	if f := shape.Only(lists, isNamed); f != nil {
		return f, pattern.Certain, "named after the method"
	}
	if path := shape.FirstNamed(s.Out, listNames, shape.IsMessageList); len(path) > 0 {
		return path.Field(), pattern.Certain, "by its name"
	}
	if f, level, why := s.scalars(noun, len(lists)); f != nil {
		return f, level, why
	}
	const others = 3
	if len(lists) != 1 || s.Out.Fields().Len() > 1+others || pattern.IsBeside(lists[0], noun) || !isContainer(s.Out) {
		return nil, 0, ""
	}
	return lists[0], pattern.Possible, "the only repeated message of a response"
}

// scalars returns the list of a response whose results are not messages, such as IDs or
// suggestions. Only a response without lists of messages has one, and only if it is not itself a
// result: a result often has lists of strings, such as labels.
func (s *seeker) scalars(noun string, messageLists int) (
	list protoreflect.FieldDescriptor, level pattern.Level, why string,
) {
	if messageLists > 0 || !isContainer(s.Out) {
		return nil, 0, ""
	}
	lists := shape.FieldsThat(s.Out, shape.IsScalarList)
	isNamed := func(f protoreflect.FieldDescriptor) bool { return shape.IsNamedFor(f, noun) >= 2 }
	if f := shape.Only(lists, isNamed); f != nil {
		return f, pattern.Certain, "named after the method"
	}
	if path := shape.FirstNamed(s.Out, listNames, shape.IsScalarList); len(path) > 0 {
		return path.Field(), pattern.Likely, "by its name"
	}
	return nil, 0, ""
}

// isContainer reports whether the name of a message suggests a response that contains results, and
// not a result.
func isContainer(m protoreflect.MessageDescriptor) bool {
	for _, suffix := range containers {
		if strings.HasSuffix(string(m.Name()), suffix) {
			return true
		}
	}
	return false
}
