package server

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

// WithPolicy overrides the policies of methods when the server starts, from its configuration: a JSON object whose keys are full
// names of methods ("library.v1.BookService/GetBook") or of services with a star ("library.v1.BookService/*"), and whose
// values are grpcservice.v1.Policy messages. What they say is laid over what the proto says, a method's over its service's;
// it is checked as the options in a proto are, and what is wrong, an unknown method for one, is returned by [Server.Run]. A
// rule for a service is laid over each of its methods as far as it fits: a default timeout leaves the streams alone.
//
// "validation": {"skip": false} takes back a skip of the proto, for methods whose proto is linked into the program: without
// it no rules are known.
//
//	server.WithPolicy([]byte(`{"library.v1.BookService/GetBook": {"rate": [{"perSecond": 100}]}}`))
func WithPolicy(config []byte) Option {
	return func(c *settings) {
		if err := c.overrides.read(config); err != nil {
			c.fail("WithPolicy: %w", err)
		}
	}
}

// overrides are the policies of a server's configuration, by method or by service and star.
type overrides struct {
	mu    sync.Mutex
	rules map[string]*grpcservicev1.Policy
	used  map[string]bool
	errs  []error
}

func newOverrides() *overrides {
	return &overrides{rules: make(map[string]*grpcservicev1.Policy), used: make(map[string]bool)}
}

// read adds the rules of a configuration.
func (o *overrides) read(config []byte) error {
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

// entriesOf returns the members of a JSON object, also those that have the same name, of which a Go map has the last only.
func entriesOf(config []byte) (entries []entry, err error) {
	d := json.NewDecoder(bytes.NewReader(config))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
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

// add adds a rule. One of a service is checked here, once for all methods.
func (o *overrides) add(e entry) error {
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

// isWide says whether a rule is for all methods of a service.
func isWide(name string) bool { return strings.HasSuffix(name, "/*") }

// apply returns the policy of a method with what overrides it.
func (o *overrides) apply(info runtime.MethodInfo) runtime.Policy {
	p := info.Policy
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range []string{info.Service + "/*", info.Service + "/" + info.Name} {
		rule, ok := o.rules[name]
		if !ok {
			continue
		}
		o.used[name] = true
		method := methodOf(info)
		method.HasRules = method.HasRules || info.Descriptor != nil // which ones shows when they are bound
		overridden, faults := policy.Override(p, method, policy.Layer{Policy: rule, Wide: isWide(name)})
		for _, f := range faults {
			o.errs = append(o.errs, fmt.Errorf("WithPolicy: %s for %s/%s: %w", name, info.Service, info.Name, f))
		}
		p = overridden
	}
	return p
}

// faults returns what is wrong with the rules for the methods that have been bound.
func (o *overrides) faults() []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.errs)
}

// misuse returns what is wrong with the rules, once all methods are known.
func (o *overrides) misuse() []error {
	errs := o.faults()
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

// methodOf returns what a policy depends on beside its options.
func methodOf(info runtime.MethodInfo) policy.Method {
	return policy.Method{
		ClientStreams: info.Kind == runtime.KindClientStream || info.Kind == runtime.KindBidi,
		ServerStreams: info.Kind == runtime.KindServerStream || info.Kind == runtime.KindBidi,
		Idempotency:   info.Policy.Idempotency,
		HasRules:      info.Policy.Validate,
	}
}
