package jwtauth

import "strings"

// scopesOf returns the scopes of a token, at each of the paths. A value that is neither a string
// nor an array of strings gives none.
func (v *verifier) scopesOf(claims object) (scopes []string) {
	for _, path := range v.scopes {
		scopes = append(scopes, claims.scopesAt(path)...)
	}
	return scopes
}

// scopesAt returns the scopes at a path. Names may contain dots, such as
// "https://example.com/roles": of the members whose names start the path, the one with the longest
// name is followed.
func (o object) scopesAt(path string) []string {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		raw, ok := o[path[:end]]
		switch {
		case !ok:
			continue
		case end == len(path):
			return listed(raw)
		}
		inner, err := parseObject(raw)
		if err != nil {
			return nil
		}
		return inner.scopesAt(path[end+1:])
	}
	return nil
}

// listed returns scopes that are separated by spaces in a string, or are the strings of an array.
func listed(raw []byte) []string {
	if text, ok := asText(raw); ok {
		return strings.Fields(text)
	}
	list, _ := asTexts(raw)
	return list
}
