// Package overrides applies the policies of a server's configuration to its methods.
package overrides

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Overrides are the policies of a server's configuration, by method or by service and star.
type Overrides struct {
	mu    sync.Mutex
	rules map[string]*grpcservicev1.Policy
	used  map[string]bool
	errs  []error
}

// New returns Overrides without rules.
func New() *Overrides {
	return &Overrides{rules: make(map[string]*grpcservicev1.Policy), used: make(map[string]bool)}
}

// Read adds the rules of a configuration.
func (o *Overrides) Read(config []byte) error {
	entries, err := entriesOf(config)
	if err != nil {
		return fmt.Errorf("the configuration is not a JSON object of policies by method: %w", err)
	}
	for _, e := range entries {
		if err := o.add(e); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return nil
}

// entry is a member of a JSON object.
type entry struct {
	name string
	text json.RawMessage
}

// entriesOf returns the members of a JSON object, including those with a duplicate name; a Go map
// would keep only the last.
func entriesOf(config []byte) (entries []entry, err error) {
	d := json.NewDecoder(bytes.NewReader(config))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, cmp.Or(err, errors.New("it does not begin with {"))
	}
	for d.More() {
		var e entry
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		e.name, _ = name.(string)
		if err := d.Decode(&e.text); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows its end")
	}
	return entries, nil
}

// add adds a rule. It checks a rule for a service here, once for all methods.
func (o *Overrides) add(e entry) error {
	rule := &grpcservicev1.Policy{}
	if err := protojson.Unmarshal(e.text, rule); err != nil {
		return err
	}
	if _, again := o.rules[e.name]; again {
		return errors.New("its policy is overridden twice")
	}
	if faults := policy.Check(rule); isWide(e.name) && len(faults) > 0 {
		return faults[0]
	}
	o.rules[e.name] = rule
	return nil
}

// isWide reports whether a rule is for all methods of a service.
func isWide(name string) bool { return strings.HasSuffix(name, "/*") }

// Apply returns the policy of a method with what overrides it.
func (o *Overrides) Apply(info runtime.MethodInfo) runtime.Policy {
	p := info.Policy
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range []string{info.Service + "/*", info.Service + "/" + info.Name} {
		rule, ok := o.rules[name]
		if !ok {
			continue
		}
		o.used[name] = true
		method := MethodOf(info)
		method.HasRules = method.HasRules || info.Descriptor != nil // binding shows which ones
		overridden, faults := policy.Override(p, method, policy.Layer{Policy: rule, Wide: isWide(name)})
		for _, f := range faults {
			o.errs = append(o.errs, fmt.Errorf("WithPolicy: %s for %s/%s: %w", name, info.Service, info.Name, f))
		}
		p = overridden
	}
	return p
}

// Faults returns what is wrong with the rules for the methods that have been bound.
func (o *Overrides) Faults() []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.errs)
}

// Misuse returns what is wrong with the rules, once all methods are known.
func (o *Overrides) Misuse() []error {
	errs := o.Faults()
	o.mu.Lock()
	defer o.mu.Unlock()
	for name := range o.rules {
		if !o.used[name] {
			errs = append(errs, fmt.Errorf("WithPolicy: the server has no method %s", name))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

// MethodOf returns what a policy depends on besides its options.
func MethodOf(info runtime.MethodInfo) policy.Method {
	return policy.Method{
		ClientStreams: info.Kind == runtime.KindClientStream || info.Kind == runtime.KindBidi,
		ServerStreams: info.Kind == runtime.KindServerStream || info.Kind == runtime.KindBidi,
		Idempotency:   info.Policy.Idempotency,
		HasRules:      info.Policy.Validate,
	}
}
