package gen

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// report lists the effective policy of each method and the origin of each rule. Its JSON is
// documented in docs/policy.md: new fields may appear, but none is removed or changed without a new
// version.
type report struct {
	Version    int             `json:"version"`
	PolicyFile string          `json:"policy_file,omitempty"`
	Defaults   []ruleReport    `json:"defaults,omitempty"` // defaults of the methods, each once
	Services   []serviceReport `json:"services,omitempty"` // those with rules for a whole service
	Methods    []methodReport  `json:"methods"`
	Unmatched  []string        `json:"unmatched,omitempty"` // policy file patterns without a match
}

type serviceReport struct {
	Service string       `json:"service"` // such as "library.v1.BookService"
	File    string       `json:"file"`
	Rules   []ruleReport `json:"rules"`
	Unused  []ruleReport `json:"unused,omitempty"` // set, but without effect
}

type methodReport struct {
	Method string       `json:"method"` // such as "library.v1.BookService/GetBook"
	File   string       `json:"file"`
	Kind   string       `json:"kind"`
	Rules  []ruleReport `json:"rules"`            // without the defaults
	Unused []ruleReport `json:"unused,omitempty"` // set, but without effect

	Patterns []patternReport `json:"patterns,omitempty"` // certain and possible matches
}

type patternReport struct {
	Name    string         `json:"pattern"`
	Level   string         `json:"level"`
	Reason  string         `json:"reason"`
	Fields  map[string]any `json:"fields,omitempty"`
	Emitted bool           `json:"emitted"`
	Advice  string         `json:"advice,omitempty"`
}

type ruleReport struct {
	Field   string `json:"field"`
	Value   any    `json:"value,omitempty"` // nil if server or client applies its own default
	Source  string `json:"source"`
	Place   string `json:"place,omitempty"`
	Pattern string `json:"pattern,omitempty"`
	Why     string `json:"why,omitempty"`
}

// Report returns the JSON report on the methods of all files and on the policy file, which may be
// nil.
func Report(files []model.File, policyFile *policy.File) ([]byte, error) {
	r := report{Version: 1, PolicyFile: policyFile.Path(), Methods: []methodReport{}}
	var names []string
	defaults := make(map[string]policy.Rule)
	for _, file := range files {
		for _, service := range file.Services {
			if b := service.Balancing; len(b.Rules)+len(b.Unused) > 0 {
				r.Services = append(r.Services, serviceReport{
					Service: service.FullName, File: file.Source, Rules: rulesOf(b.Rules), Unused: rulesOf(b.Unused),
				})
			}
			for _, m := range service.Methods {
				name := service.FullName + "/" + m.Name
				names = append(names, name)
				r.Methods = append(r.Methods, methodReport{
					Method: name, File: file.Source, Kind: m.Kind.String(),
					Rules: rulesOf(withoutDefaults(m.Policy.Rules, defaults)), Unused: rulesOf(m.Policy.Unused), Patterns: each(m.Policy.Patterns, func(p policy.Pattern) patternReport { return patternReport(p) }),
				})
			}
		}
	}
	for _, field := range slices.Sorted(maps.Keys(defaults)) {
		r.Defaults = append(r.Defaults, ruleReport(defaults[field]))
	}
	r.Unmatched = policyFile.Idle(names)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(r)
	return out.Bytes(), err
}

// withoutDefaults moves the default rules into defaults, by field, and returns the rest. Most rules
// of most methods are the same defaults. A default that differs, because it follows from another
// rule of its method, stays in the result.
func withoutDefaults(rules []policy.Rule, defaults map[string]policy.Rule) (own []policy.Rule) {
	for _, r := range rules {
		if _, found := defaults[r.Field]; r.Source == policy.SourceDefault && !found {
			defaults[r.Field] = r
		}
		if !reflect.DeepEqual(r, defaults[r.Field]) {
			own = append(own, r)
		}
	}
	return own
}

func rulesOf(rules []policy.Rule) []ruleReport {
	return each(rules, func(r policy.Rule) ruleReport { return ruleReport(r) })
}

// each applies of to each element of list. For an empty list it returns an empty, non-nil slice,
// which JSON encodes as [].
func each[From, To any](list []From, of func(From) To) []To {
	all := make([]To, len(list))
	for i, element := range list {
		all[i] = of(element)
	}
	return all
}
