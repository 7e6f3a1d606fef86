package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a token of a filter. Its kind is one of the constants below, or the text of a comparator
// or punctuation mark: "<=", "(".
type token struct {
	kind    string
	at, end Pos
	text    string   // of texts and strings, without quotes and escapes
	pattern []string // of texts and strings
	spaced  bool     // preceded by white space
}

const (
	kindEnd    = "end"
	kindText   = "text"
	kindString = "string"
)

// lexer splits a filter into tokens.
type lexer struct {
	source string
	at     Pos
}

// next returns the next token. In an argument, a colon is part of a text, so that times need no
// quotes.
func (l *lexer) next(argument bool) (token, *fault) {
	start := l.at
	l.skip(unicode.IsSpace)
	rest := l.source[l.at:]
	tok := token{kind: kindEnd, at: l.at, spaced: l.at > start}
	switch {
	case rest == "":
	case rest[0] == '"' || rest[0] == '\'':
		return l.quoted(tok)
	default:
		tok.kind = mark(rest)
		if tok.kind == "" || argument && tok.kind == string(Has) {
			return l.bare(tok, argument), nil
		}
		l.at += Pos(len(tok.kind))
	}
	tok.end = l.at
	return tok, nil
}

// mark returns the comparator or punctuation mark that the remaining source starts with, or "".
func mark(source string) string {
	if source[0] == '!' && !strings.HasPrefix(source, "!=") {
		return ""
	}
	if len(source) > 1 && source[1] == '=' && strings.IndexByte("<>!", source[0]) >= 0 {
		return source[:2]
	}
	if strings.IndexByte("().,<>=:", source[0]) >= 0 {
		return source[:1]
	}
	return ""
}

// bare reads an unquoted text.
func (l *lexer) bare(tok token, argument bool) token {
	for l.at < Pos(len(l.source)) {
		r, size := utf8.DecodeRuneInString(l.source[l.at:])
		if unicode.IsSpace(r) || r == '"' || r == '\'' {
			break
		}
		if kind := mark(l.source[l.at:]); kind != "" && !(argument && kind == string(Has)) {
			break
		}
		l.at += Pos(size)
	}
	tok.kind, tok.end, tok.text = kindText, l.at, l.source[tok.at:l.at]
	tok.pattern = strings.Split(tok.text, "*")
	return tok
}

// quoted reads a quoted string. The source starts with its opening quote.
func (l *lexer) quoted(tok token) (token, *fault) {
	quote := l.source[l.at]
	var pieces []string
	var piece strings.Builder
	for l.at++; l.at < Pos(len(l.source)); l.at++ {
		switch c := l.source[l.at]; c {
		case quote:
			l.at++
			tok.pattern = append(pieces, piece.String())
			tok.kind, tok.end, tok.text = kindString, l.at, strings.Join(tok.pattern, "*")
			return tok, nil
		case '*':
			pieces = append(pieces, piece.String())
			piece.Reset()
		case '\\':
			piece.WriteString(l.escaped())
		default:
			piece.WriteByte(c)
		}
	}
	return tok, faultf(tok.at, "the string that begins here does not end; a closing %c is missing", quote)
}

// escaped returns the character that an escape sequence stands for, and advances to the last byte
// of the sequence. A backslash before a character that needs no escape is literal, so that regular
// expressions need no double backslashes.
func (l *lexer) escaped() string {
	if l.at+1 == Pos(len(l.source)) {
		return `\`
	}
	switch c := l.source[l.at+1]; c {
	case '"', '\'', '\\', '*':
		l.at++
		return string(c)
	case 'n':
		l.at++
		return "\n"
	case 'r':
		l.at++
		return "\r"
	case 't':
		l.at++
		return "\t"
	}
	return `\`
}

func (l *lexer) skip(ok func(rune) bool) {
	rest := l.source[l.at:]
	if i := strings.IndexFunc(rest, func(r rune) bool { return !ok(r) }); i >= 0 {
		l.at += Pos(i)
		return
	}
	l.at = Pos(len(l.source))
}
