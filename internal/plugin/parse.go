package plugin

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// parseParameters parses the parameter of a request. Its error joins all problems.
func parseParameters(text string) (parameters, error) {
	params := parameters{packageSuffix: "service", mappings: make(map[string]string)}
	values := make(map[string]string)
	var errs []error
	for param := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(param, "=")
		if name == "" {
			continue // like protogen
		}
		if err := params.take(name, value, values); err != nil {
			errs = append(errs, err)
		}
	}
	if values["paths"] == "source_relative" && params.module != "" {
		errs = append(errs, fmt.Errorf("parameter module=%q: it shortens the paths of paths=import, not of paths=source_relative; remove one of them", params.module))
	}
	if len(params.emit) == 0 {
		params.emit = strings.Split(defaultEmits(";"), ";")
	}
	errs = append(errs, params.lacking(values), params.idle(values))
	return params, errors.Join(errs...)
}

// reservedElement returns the reason why an element of a path is reserved for the go command, or
// "".
func reservedElement(path string) string {
	for element := range strings.SplitSeq(path, "/") {
		switch element {
		case "vendor":
			return "go mod vendor deletes the contents of directories named vendor"
		case "testdata":
			return "the go command ignores directories named testdata"
		}
	}
	return ""
}

// lacking returns an error for each parameter that an active emit requires and that is not in
// values.
func (p *parameters) lacking(values map[string]string) error {
	var errs []error
	for _, e := range emitters() {
		for _, need := range e.needs {
			if _, given := values[need.parameter]; p.emits(e.name) && !given {
				errs = append(errs, fmt.Errorf("parameter emit: %q needs %s; set it, as in %s=%s",
					e.name, need.what, need.parameter, need.example))
			}
		}
	}
	return errors.Join(errs...)
}

// idle returns an error for each parameter in values that has no effect on the active emits, or
// without another parameter.
func (p *parameters) idle(values map[string]string) error {
	var errs []error
	for _, row := range parameterTable() {
		value, given := values[row.name]
		if !given {
			continue
		}
		reason := ""
		if _, has := values[row.with.parameter]; !has && row.with.parameter != "" {
			reason = fmt.Sprintf("it has no effect without %s, %s; set both, as in %s=%s",
				row.with.parameter, row.with.what, row.with.parameter, row.with.example)
		}
		if len(row.emits) > 0 && !p.emits(row.emits...) {
			reason = cmp.Or(row.alone, "it has no effect without emit="+row.emits[0]+"; set both")
		}
		if reason != "" {
			errs = append(errs, fmt.Errorf("parameter %s=%q: %s", row.name, value, reason))
		}
	}
	return errors.Join(errs...)
}

// take records the value of a parameter. It returns an error if the parameter is unknown, invalid
// or repeated.
func (p *parameters) take(name, value string, values map[string]string) error {
	previous, again := values[name]
	values[name] = value
	row, found := parameterOf(name)
	switch {
	case !found && value == "":
		return fmt.Errorf("parameter %q: it does not exist; separate the elements of a list by \";\", or use one of %s", name, parameterNames())
	case !found:
		return fmt.Errorf("parameter %q with value %q: it does not exist; use one of %s", name, value, parameterNames())
	case !row.valid.MatchString(value):
		return fmt.Errorf("parameter %s=%q: want %s", name, value, row.want)
	case row.valid == goDirectory && reservedElement(value) != "":
		return fmt.Errorf("parameter %s=%q: %s; want %s", name, value, reservedElement(value), row.want)
	case again && !row.isList && (!row.isPrefix || previous != value):
		return fmt.Errorf("parameter %s=%q: it is already set to %q; set it once", name, value, previous)
	}
	switch {
	case row.set != nil:
		row.set(p, value)
	case row.setFile != nil:
		row.setFile(p, strings.TrimPrefix(name, row.name), value)
	}
	return nil
}
