package shape

import (
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// WordsOf returns the words of a name in lower case: batch, get and users of BatchGetUsers.
func WordsOf(name protoreflect.Name) (words []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
		}
		word = nil
	}
	runes := []rune(string(name))
	for i, r := range runes {
		switch {
		case r == '_':
			end()
			continue
		case !unicode.IsUpper(r):
		case i > 0 && !unicode.IsUpper(runes[i-1]), i+1 < len(runes) && unicode.IsLower(runes[i+1]):
			end() // the beginning of a word, or the last letter of an acronym, which begins the next
		}
		word = append(word, r)
	}
	end()
	return words
}

// Snake returns a name as fields are spelled: page_token of pageToken.
func Snake(name protoreflect.Name) string {
	if !strings.ContainsFunc(string(name), unicode.IsUpper) {
		return string(name)
	}
	return strings.Join(WordsOf(name), "_")
}

// NounOf returns what a method is about, as fields are spelled: top_users of ListTopUsers.
func NounOf(method protoreflect.MethodDescriptor) string {
	words := WordsOf(method.Name())
	return strings.Join(words[min(1, len(words)):], "_")
}

// IsNamedFor says how well a field is named for a noun: 3 for the noun itself, 2 for the end of it, 1 where the noun is the end
// of the name, and 0 where neither is.
func IsNamedFor(f protoreflect.FieldDescriptor, noun string) int {
	name := Snake(f.Name())
	switch {
	case noun == "":
		return 0
	case name == noun:
		return 3
	case strings.HasSuffix(noun, "_"+name):
		return 2
	case strings.HasSuffix(name, "_"+noun):
		return 1
	default:
		return 0
	}
}

// Singular returns a word of English in its Singular, as far as its end tells.
func Singular(word string) string {
	for _, end := range []struct{ many, one string }{
		{"ies", "y"}, {"sses", "ss"}, {"xes", "x"}, {"ches", "ch"}, {"shes", "sh"}, {"zes", "z"}, {"ss", "ss"}, {"s", ""},
	} {
		if stem, ok := strings.CutSuffix(word, end.many); ok && stem != "" {
			return stem + end.one
		}
	}
	return word
}

// SameThing reports whether two names are the same but for singular and plural.
func SameThing(a, b []string) bool {
	return slices.EqualFunc(a, b, func(x, y string) bool { return Singular(x) == Singular(y) })
}

// The words that say that a method is a batch, at the beginning of its name.
var batchWords = []string{"batch", "bulk", "multi", "multiget", "mget"}

// IsBatchName reports whether a method's name says that it is a batch.
func IsBatchName(words []string) bool {
	if len(words) == 0 {
		return false
	}
	return slices.Contains(batchWords, words[0]) || StartsWith(words, "m", "get") || words[len(words)-1] == "batch"
}

// IsBatchOfIDs reports whether a method's name says that the only list of its request is that of the children.
func IsBatchOfIDs(words []string) bool {
	return IsBatchOfEntities(words) || StartsWith(words, "multi", "get") || StartsWith(words, "multiget") ||
		StartsWith(words, "m", "get") || StartsWith(words, "mget")
}

func IsBatchOfEntities(words []string) bool {
	return StartsWith(words, "batch") || StartsWith(words, "bulk")
}

func StartsWith(words []string, first ...string) bool {
	return len(words) >= len(first) && slices.Equal(words[:len(first)], first)
}

// WithoutBatch returns the words of a batch's name without those that say so: get and users of BatchGetUsers.
func WithoutBatch(words []string) []string {
	switch {
	case StartsWith(words, "multiget"), StartsWith(words, "mget"):
		return append([]string{"get"}, words[1:]...)
	case StartsWith(words, "m", "get"), len(words) > 0 && slices.Contains(batchWords, words[0]):
		return words[1:]
	case len(words) > 0 && words[len(words)-1] == "batch":
		return words[:len(words)-1]
	default:
		return words
	}
}

// IsSideName reports whether a field is named like one that goes with a list and is not the list.
func IsSideName(f protoreflect.FieldDescriptor) bool {
	name := Snake(f.Name())
	switch name {
	case "not_found", "metadata", "labels", "links":
		return true
	}
	return HasAnyPrefix(name, "unreachable", "failed_", "missing") || HasAnySuffix(name, "warnings", "errors", "facets", "_headers")
}

// IsMissingName reports whether a field is named like one for what a batch did not find.
func IsMissingName(f protoreflect.FieldDescriptor) bool {
	name := Snake(f.Name())
	return HasAnyPrefix(name, "missing", "unknown", "not_found") || strings.HasSuffix(name, "_not_found")
}

// IsIDName reports whether a field is named like one of ids.
func IsIDName(f protoreflect.FieldDescriptor) bool {
	words := WordsOf(f.Name())
	return len(words) > 0 && slices.Contains([]string{"id", "name", "key", "uid", "uuid"}, Singular(words[len(words)-1]))
}

func HasAnyPrefix(name string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

func HasAnySuffix(name string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}
