package shape

import (
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// WordsOf returns the words of a name in lower case: batch, get and users for BatchGetUsers.
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
			end() // r starts a word; after an acronym, that is its last capital
		}
		word = append(word, r)
	}
	end()
	return words
}

// Snake returns a name in the snake case of fields: page_token for pageToken.
func Snake(name protoreflect.Name) string {
	if !strings.ContainsFunc(string(name), unicode.IsUpper) {
		return string(name)
	}
	return strings.Join(WordsOf(name), "_")
}

// Letters returns a name in lower case and without underscores. If two names have the same words,
// or the same form in snake case, they have the same letters.
func Letters(name string) string {
	letters := make([]byte, 0, len(name))
	for i := range len(name) {
		switch c := name[i]; {
		case c == '_':
		case 'A' <= c && c <= 'Z':
			letters = append(letters, c+'a'-'A')
		default:
			letters = append(letters, c)
		}
	}
	return string(letters)
}

// NounOf returns the noun of a method's name, spelled like a field: top_users for ListTopUsers.
func NounOf(method protoreflect.MethodDescriptor) string {
	words := WordsOf(method.Name())
	return strings.Join(words[min(1, len(words)):], "_")
}

// IsNamedFor returns how well the name of a field matches a noun: 3 if it is the noun, 2 if it is
// the end of the noun, 1 if the noun is the end of the name, and 0 otherwise.
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

// Singular returns the singular of an English word, guessed from its ending.
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

// SameThing reports whether two names differ at most in singular and plural.
func SameThing(a, b []string) bool {
	return slices.EqualFunc(a, b, func(x, y string) bool { return Singular(x) == Singular(y) })
}

// Words at the start of a method's name that mark a batch.
var batchWords = []string{"batch", "bulk", "multi", "multiget", "mget"}

// IsBatchName reports whether the name of a method marks it as a batch.
func IsBatchName(words []string) bool {
	if len(words) == 0 {
		return false
	}
	return slices.Contains(batchWords, words[0]) || StartsWith(words, "m", "get") || words[len(words)-1] == "batch"
}

// IsBatchOfIDs reports whether the name of a method suggests that the only list of its request
// contains the items.
func IsBatchOfIDs(words []string) bool {
	return IsBatchOfEntities(words) || StartsWith(words, "multi", "get") || StartsWith(words, "multiget") ||
		StartsWith(words, "m", "get") || StartsWith(words, "mget")
}

// MayBeBatchName is a necessary condition of IsBatchName, IsBatchOfIDs and IsBatchOfEntities for the
// letters of a name: each of them requires one of the words.
func MayBeBatchName(letters string) bool {
	return slices.ContainsFunc(batchWords, func(word string) bool { return strings.Contains(letters, word) })
}

func IsBatchOfEntities(words []string) bool {
	return StartsWith(words, "batch") || StartsWith(words, "bulk")
}

func StartsWith(words []string, first ...string) bool {
	return len(words) >= len(first) && slices.Equal(words[:len(first)], first)
}

// WithoutBatch returns the words of a batch's name without the words that mark the batch: get and
// users for BatchGetUsers.
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

// IsSideName reports whether the name of a field suggests a secondary list or message next to the
// main list.
func IsSideName(f protoreflect.FieldDescriptor) bool {
	name := Snake(f.Name())
	switch name {
	case "not_found", "metadata", "labels", "links":
		return true
	}
	return HasAnyPrefix(name, "unreachable", "failed_", "missing") || HasAnySuffix(name, "warnings", "errors", "facets", "_headers")
}

// IsMissingName reports whether the name of a field suggests the items that a batch did not find.
func IsMissingName(f protoreflect.FieldDescriptor) bool {
	name := Snake(f.Name())
	return HasAnyPrefix(name, "missing", "unknown", "not_found") || strings.HasSuffix(name, "_not_found")
}

// IsIDName reports whether the name of a field suggests IDs.
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
