package gen

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// TemplatesVersion is the version of the interface to templates: the fields of the view, the
// functions, and the names of the built-in templates. A change that can break a user's template
// requires a new version.
const TemplatesVersion = 1

// versionLine matches the first line of a user's template.
var versionLine = lazyregexp.New(`^\{\{(?:- )?/\* templates: v([0-9]{1,4}) \*/(?: -)?\}\}`)

// VersionLine returns the required first line of a user's template.
func VersionLine() string { return fmt.Sprintf("{{- /* templates: v%d */ -}}", TemplatesVersion) }

// checkVersion returns an error unless a user's template declares the current version.
func checkVersion(path, text string) error {
	first := diag.Position{Path: path, Line: 1, Column: 1}
	found := versionLine.FindStringSubmatch(text)
	if found == nil {
		return problem(first, "it does not start with the version of templates that it is written for; make %s its first line", VersionLine())
	}
	switch version, _ := strconv.Atoi(found[1]); {
	case version > TemplatesVersion:
		return problem(first, "it is written for version %d of templates, and this plugin has version %d; install a newer plugin", version, TemplatesVersion)
	case version < TemplatesVersion:
		return problem(first, "version %d of templates does not exist; use version %d, that of this plugin", version, TemplatesVersion)
	default:
		return nil
	}
}

var (
	// parsePlace matches the line at the start of a syntax error of text/template, after the name
	// of the file.
	parsePlace = lazyregexp.New(`^([0-9]+): `)
	// execPlace matches the position at the start of an execution error of text/template. Its
	// columns start at 0.
	execPlace = lazyregexp.New(`^template: (.*?):([0-9]+):([0-9]+): `)
)

// parseError returns a syntax error of text/template with its position first. text/template reports
// only the line, so the column is that of the first action in that line.
func parseError(path, text string, err error) error {
	message := strings.TrimPrefix(err.Error(), "template: "+path+":")
	place := parsePlace.FindStringSubmatch(message)
	if place == nil {
		return problem(diag.At(path), "%s", strings.TrimPrefix(err.Error(), "template: "))
	}
	line, _ := strconv.Atoi(place[1])
	column := 1
	if lines := strings.Split(text, "\n"); line <= len(lines) {
		column = max(0, strings.Index(lines[line-1], "{{")) + 1
	}
	at := diag.Position{Path: path, Line: line, Column: column}
	return problem(at, "%s", strings.TrimPrefix(message, place[0]))
}

// execError returns an execution error of text/template with its position first.
func execError(err error) error {
	var inner placedError
	if errors.As(err, &inner) {
		return inner.error
	}
	var failed template.ExecError
	if !errors.As(err, &failed) {
		return err
	}
	place := execPlace.FindStringSubmatch(err.Error())
	if place == nil {
		return err
	}
	line, _ := strconv.Atoi(place[2])
	column, _ := strconv.Atoi(place[3])
	at := diag.Position{Path: place[1], Line: line, Column: column + 1}
	return problem(at, "%s", strings.TrimPrefix(err.Error(), place[0]))
}

// placedError is an error in a template that a template function executes. It already has a
// position.
type placedError struct{ error }

// problem returns an error with a position.
func problem(at diag.Position, format string, args ...any) error {
	return diag.Problem{Position: at, Text: fmt.Sprintf(format, args...)}
}

// positionOf returns the position of a node.
func positionOf(tree *parse.Tree, node parse.Node) diag.Position {
	location, _ := tree.ErrorContext(node)
	parts := strings.Split(location, ":")
	end := len(parts) - 2
	line, _ := strconv.Atoi(parts[end])
	column, _ := strconv.Atoi(parts[end+1]) // text/template counts columns from 0
	return diag.Position{Path: strings.Join(parts[:end], ":"), Line: line, Column: column + 1}
}
