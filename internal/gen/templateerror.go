package gen

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
)

// TemplatesVersion is the version of what templates see: the fields of the models, the functions, and the names of our templates.
// A change that can break a user's template makes another version.
const TemplatesVersion = 1

// versionLine is the first line of a user's template.
var versionLine = regexp.MustCompile(`^\{\{(?:- )?/\* templates: v([0-9]{1,4}) \*/(?: -)?\}\}`)

// VersionLine returns the line that a user's template begins with.
func VersionLine() string { return fmt.Sprintf("{{- /* templates: v%d */ -}}", TemplatesVersion) }

// checkVersion says what is wrong with the version that a user's template is written for.
func checkVersion(path, text string) error {
	found := versionLine.FindStringSubmatch(text)
	if found == nil {
		return fmt.Errorf("%s:1:1: it does not begin with the version of templates that it is written for; make %s its first line", path, VersionLine())
	}
	switch version, _ := strconv.Atoi(found[1]); {
	case version > TemplatesVersion:
		return fmt.Errorf("%s:1:1: it is written for version %d of templates, and this plugin has version %d; install a newer plugin", path, version, TemplatesVersion)
	case version < TemplatesVersion:
		return fmt.Errorf("%s:1:1: there is no version %d of templates; this plugin has version %d", path, version, TemplatesVersion)
	default:
		return nil
	}
}

var (
	// parsePlace is how text/template begins what it says of syntax, behind the name of the file.
	parsePlace = regexp.MustCompile(`^([0-9]+): `)
	// execPlace is how it begins what it says of execution, in which columns count from 0.
	execPlace = regexp.MustCompile(`^template: (.*?):([0-9]+):([0-9]+): `)
)

// parseError returns an error of text/template with its place first. As that knows the line only, the column is that of the
// line's first action.
func parseError(path, text string, err error) error {
	message := strings.TrimPrefix(err.Error(), "template: "+path+":")
	place := parsePlace.FindStringSubmatch(message)
	if place == nil {
		return fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "template: "))
	}
	line, _ := strconv.Atoi(place[1])
	column := 1
	if lines := strings.Split(text, "\n"); line <= len(lines) {
		column = max(0, strings.Index(lines[line-1], "{{")) + 1
	}
	return fmt.Errorf("%s:%d:%d: %s", path, line, column, strings.TrimPrefix(message, place[0]))
}

// execError returns an error of text/template with its place first.
func execError(err error) error {
	var failed template.ExecError
	if !errors.As(err, &failed) {
		return err
	}
	place := execPlace.FindStringSubmatch(err.Error())
	if place == nil {
		return err
	}
	column, _ := strconv.Atoi(place[3])
	return fmt.Errorf("%s:%s:%d: %s", place[1], place[2], column+1, strings.TrimPrefix(err.Error(), place[0]))
}

// placeOf returns where a node stands, with a column that counts from 1.
func placeOf(tree *parse.Tree, node parse.Node) (file string, line, column int) {
	location, _ := tree.ErrorContext(node)
	parts := strings.Split(location, ":")
	end := len(parts) - 2
	line, _ = strconv.Atoi(parts[end])
	column, _ = strconv.Atoi(parts[end+1])
	return strings.Join(parts[:end], ":"), line, column + 1
}
