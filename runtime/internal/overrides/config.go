package overrides

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Config is a configuration: policies by method, or by service and star.
type Config struct {
	source  string // that errors name: an option, or a file
	text    []byte // of the file, for the places of errors; nil if there are none
	entries map[string]entry
}

// entry is the policy of one method or of one service.
type entry struct {
	member
	rule *grpcservicev1.Policy
}

// ReadOption reads the argument of an option. Errors name the option.
func ReadOption(option string, config []byte) (*Config, error) {
	return read(&Config{source: option}, config)
}

// ReadFile reads the content of a file. Errors name the file, the line and the column.
func ReadFile(path string, content []byte) (*Config, error) {
	return read(&Config{source: path, text: content}, content)
}

// ReadDecoded reads what was decoded from a file in another format. Errors name the file.
func ReadDecoded(path string, decoded []byte) (*Config, error) {
	return read(&Config{source: path}, decoded)
}

func read(c *Config, config []byte) (*Config, error) {
	members, err := membersOf(config, 0)
	if err != nil {
		return nil, c.errorAt(syntaxOffset(config),
			"the configuration is not a JSON object of policies by method: %w", err)
	}
	c.entries = make(map[string]entry, len(members))
	var errs []error
	for _, m := range members {
		if errs = append(errs, c.add(m)...); len(errs) > maxErrors {
			break
		}
	}
	if err := few(errs); err != nil {
		return nil, err
	}
	return c, nil
}

// syntaxOffset returns the offset of the byte at which text is no JSON, which is the last one if
// text ends too early; 0 if it is JSON.
func syntaxOffset(text []byte) int {
	var syntax *json.SyntaxError
	var value json.RawMessage
	if !errors.As(json.Unmarshal(text, &value), &syntax) {
		return 0
	}
	return max(0, int(syntax.Offset)-1)
}

// add adds an entry. It checks one for a service here, once for all methods.
func (c *Config) add(m member) (errs []error) {
	rule := &grpcservicev1.Policy{}
	if err := protojson.Unmarshal(m.text, rule); err != nil {
		return []error{c.errorIn(m, err)}
	}
	if _, again := c.entries[m.name]; again {
		return []error{c.errorAt(m.at, "%s: its policy is overridden twice", m.name)}
	}
	c.entries[m.name] = entry{m, rule}
	if !isWide(m.name) {
		return nil
	}
	for _, fault := range policy.Check(rule) {
		errs = append(errs, c.errorAt(locate(m, fault.Field), "%s: %w", m.name, fault))
	}
	return errs
}

// merge adds the entries of another configuration from the same source.
func (c *Config) merge(with *Config) error {
	for name, e := range with.entries {
		if _, again := c.entries[name]; again {
			return c.errorAt(nowhere, "%s: its policy is overridden twice", name)
		}
		c.entries[name] = e
	}
	return nil
}

// errorAt returns an error about what is at an offset of the configuration.
func (c *Config) errorAt(offset int, format string, args ...any) error {
	return &placedError{c, offset, fmt.Errorf(format, args...)}
}

// nowhere is the offset of what is not in the configuration.
const nowhere = -1

// placedError is an error about what is at an offset. It counts lines only when it is printed,
// because a large file may have very many errors, of which few are.
type placedError struct {
	config *Config
	offset int
	err    error
}

func (e *placedError) Unwrap() error { return e.err }

func (e *placedError) Error() string {
	text := e.config.text
	if text == nil || e.offset == nowhere {
		return fmt.Sprintf("%s: %v", e.config.source, e.err)
	}
	before := text[:min(e.offset, len(text))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("%s:%d:%d: %v", e.config.source, line, column, e.err)
}

// placeInText is where an error of protojson names the place, relative to the entry. The text of
// these errors is not stable; without a match, the error is at the entry.
var placeInText = regexp.MustCompile(`\(line (\d+):(\d+)\): `)

// errorIn returns an error for what protojson returned for an entry.
func (c *Config) errorIn(m member, err error) error {
	at := placeInText.FindStringSubmatch(err.Error())
	if at == nil || c.text == nil {
		return c.errorAt(m.at, "%s: %w", m.name, err)
	}
	line, _ := strconv.Atoi(at[1])
	column, _ := strconv.Atoi(at[2])
	offset := m.from
	for ; line > 1; line-- {
		offset = skipTo(c.text, offset, '\n') + 1
	}
	text := strings.TrimPrefix(strings.Replace(err.Error(), at[0], "", 1), "proto:")
	return c.errorAt(offset+column-1, "%s: %s", m.name, strings.TrimLeft(text, " \u00a0"))
}

// maxErrors is how many errors of a configuration are listed.
const maxErrors = 10

// few returns the errors as one, with the first of them only if there are many; nil if there are
// none.
func few(errs []error) error {
	if len(errs) > maxErrors {
		errs = append(errs[:maxErrors:maxErrors], errors.New("and more errors"))
	}
	return errors.Join(errs...)
}

// isWide reports whether an entry is for all methods of a service.
func isWide(name string) bool { return strings.HasSuffix(name, "/*") }
