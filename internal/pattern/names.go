package pattern

import (
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// wordsOf returns the words of a name in lower case: batch, get and users of BatchGetUsers.
func wordsOf(name protoreflect.Name) (words []string) {
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

// snake returns a name as fields are spelled: page_token of pageToken.
func snake(name protoreflect.Name) string {
	if !strings.ContainsFunc(string(name), unicode.IsUpper) {
		return string(name)
	}
	return strings.Join(wordsOf(name), "_")
}

// nounOf returns what a method is about, as fields are spelled: top_users of ListTopUsers.
func nounOf(method protoreflect.MethodDescriptor) string {
	words := wordsOf(method.Name())
	return strings.Join(words[min(1, len(words)):], "_")
}

// isNamedFor says how well a field is named for a noun: 3 for the noun itself, 2 for the end of it, 1 where the noun is the end
// of the name, and 0 where neither is.
func isNamedFor(f protoreflect.FieldDescriptor, noun string) int {
	name := snake(f.Name())
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

// singular returns a word of English in its singular, as far as its end tells.
func singular(word string) string {
	for _, end := range []struct{ many, one string }{
		{"ies", "y"}, {"sses", "ss"}, {"xes", "x"}, {"ches", "ch"}, {"shes", "sh"}, {"zes", "z"}, {"ss", "ss"}, {"s", ""},
	} {
		if stem, ok := strings.CutSuffix(word, end.many); ok && stem != "" {
			return stem + end.one
		}
	}
	return word
}

// sameThing says whether two names are the same but for singular and plural.
func sameThing(a, b []string) bool {
	return slices.EqualFunc(a, b, func(x, y string) bool { return singular(x) == singular(y) })
}

// The words that say that a method is a batch, at the beginning of its name.
var batchWords = []string{"batch", "bulk", "multi", "multiget", "mget"}

// isBatchName says whether a method's name says that it is a batch.
func isBatchName(words []string) bool {
	if len(words) == 0 {
		return false
	}
	return slices.Contains(batchWords, words[0]) || startsWith(words, "m", "get") || words[len(words)-1] == "batch"
}

// isBatchOfIDs says whether a method's name says that the only list of its request is that of the children.
func isBatchOfIDs(words []string) bool {
	return isBatchOfEntities(words) || startsWith(words, "multi", "get") || startsWith(words, "multiget") ||
		startsWith(words, "m", "get") || startsWith(words, "mget")
}

func isBatchOfEntities(words []string) bool {
	return startsWith(words, "batch") || startsWith(words, "bulk")
}

func startsWith(words []string, first ...string) bool {
	return len(words) >= len(first) && slices.Equal(words[:len(first)], first)
}

// withoutBatch returns the words of a batch's name without those that say so: get and users of BatchGetUsers.
func withoutBatch(words []string) []string {
	switch {
	case startsWith(words, "multiget"), startsWith(words, "mget"):
		return append([]string{"get"}, words[1:]...)
	case startsWith(words, "m", "get"), len(words) > 0 && slices.Contains(batchWords, words[0]):
		return words[1:]
	case len(words) > 0 && words[len(words)-1] == "batch":
		return words[:len(words)-1]
	default:
		return words
	}
}

// isSideName says whether a field is named like one that goes with a list and is not the list.
func isSideName(f protoreflect.FieldDescriptor) bool {
	name := snake(f.Name())
	switch name {
	case "not_found", "metadata", "labels", "links":
		return true
	}
	return hasAnyPrefix(name, "unreachable", "failed_", "missing") || hasAnySuffix(name, "warnings", "errors", "facets", "_headers")
}

// isMissingName says whether a field is named like one for what a batch did not find.
func isMissingName(f protoreflect.FieldDescriptor) bool {
	name := snake(f.Name())
	return hasAnyPrefix(name, "missing", "unknown", "not_found") || strings.HasSuffix(name, "_not_found")
}

// isIDName says whether a field is named like one of ids.
func isIDName(f protoreflect.FieldDescriptor) bool {
	words := wordsOf(f.Name())
	return len(words) > 0 && slices.Contains([]string{"id", "name", "key", "uid", "uuid"}, singular(words[len(words)-1]))
}

func hasAnyPrefix(name string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

func hasAnySuffix(name string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}
