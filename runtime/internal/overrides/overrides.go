// Package overrides applies the policies of a server's configuration to its methods.
package overrides

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Overrides are the configurations of a server: that of its program and, over it, that of a file.
// Its methods may be called concurrently.
type Overrides struct {
	mu    sync.Mutex
	fixed *Config
	file  *Config // nil without one
	used  map[use]bool
	errs  []error
	edits int // how often the configuration of the file has changed
}

// use is an entry that overrides the policy of a method.
type use struct {
	config *Config
	name   string
}

// New returns Overrides without policies.
func New() *Overrides {
	fixed := &Config{source: "WithPolicy", entries: make(map[string]entry)}
	return &Overrides{fixed: fixed, used: make(map[use]bool)}
}

// Read adds the policies of the program's configuration.
func (o *Overrides) Read(config []byte) error {
	c, err := ReadOption(o.fixed.source, config)
	if err != nil {
		return err
	}
	return o.fixed.merge(c)
}

// SetFile sets the policies of the file, before any method is bound.
func (o *Overrides) SetFile(file *Config) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.file = file
}

// Apply returns the policy of a method with what overrides it.
func (o *Overrides) Apply(info runtime.MethodInfo) runtime.Policy {
	o.mu.Lock()
	defer o.mu.Unlock()
	p, errs := apply(info, o.used, o.fixed, o.file)
	o.errs = append(o.errs, errs...)
	return p
}

// apply returns the policy of a method with what overrides it in configurations, the last of which
// takes precedence. It adds to used.
func apply(
	info runtime.MethodInfo, used map[use]bool, configs ...*Config,
) (p runtime.Policy, errs []error) {
	p = info.Policy
	method := MethodOf(info)
	method.HasRules = method.HasRules || info.Descriptor != nil // binding shows which ones
	for _, config := range configs {
		if config == nil {
			continue
		}
		for _, name := range namesOf(info) {
			e, ok := config.entries[name]
			if !ok {
				continue
			}
			used[use{config, name}] = true
			overridden, faults := policy.Override(p, method, policy.Layer{Policy: e.rule, Wide: isWide(name)})
			for _, f := range faults {
				errs = append(errs, config.errorAt(locate(e.member, f.Field),
					"%s for %s/%s: %w", name, info.Service, info.Name, f))
			}
			p = overridden
		}
	}
	return p, errs
}

// Layers are what overrides the policy of a method, in the order of precedence.
type Layers struct {
	// Fixed are those of the program's configuration, and File those of the file.
	Fixed, File []policy.Layer
}

// Edits returns how often the configuration of the file has changed, and with it the layers of
// methods.
func (o *Overrides) Edits() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.edits
}

// LayersOf returns what overrides the policy of a method.
func (o *Overrides) LayersOf(info runtime.MethodInfo) Layers {
	o.mu.Lock()
	defer o.mu.Unlock()
	return Layers{Fixed: o.fixed.layersOf(info), File: o.file.layersOf(info)}
}

// layersOf returns the entries for a method; c may be nil.
func (c *Config) layersOf(info runtime.MethodInfo) (layers []policy.Layer) {
	for _, name := range namesOf(info) {
		if e, ok := c.all()[name]; ok {
			layers = append(layers, policy.Layer{Policy: e.rule, Wide: isWide(name)})
		}
	}
	return layers
}

// namesOf returns the names of the entries for a method, in the order of precedence.
func namesOf(info runtime.MethodInfo) []string {
	return []string{info.Service + "/*", info.Service + "/" + info.Name}
}

// Faults returns what is wrong with the policies of the methods that have been bound.
func (o *Overrides) Faults() []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.errs)
}

// Misuse returns what is wrong with the configurations, once all methods are known.
func (o *Overrides) Misuse() []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append(slices.Clone(o.errs), unused(o.used, o.fixed, o.file)...)
}

// unused returns errors for the entries that override nothing, in the order of the configuration.
func unused(used map[use]bool, configs ...*Config) (errs []error) {
	for _, config := range configs {
		var entries []entry
		for name, e := range config.all() {
			if !used[use{config, name}] {
				entries = append(entries, e)
			}
		}
		slices.SortFunc(entries, func(a, b entry) int {
			return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.name, b.name))
		})
		for _, e := range entries {
			errs = append(errs, config.errorAt(e.at, "the server has no method %s", e.name))
		}
	}
	return errs
}

// all returns the entries; c may be nil.
func (c *Config) all() map[string]entry {
	if c == nil {
		return nil
	}
	return c.entries
}

// Bound is a method of a running server.
type Bound struct {
	Table  runtime.MethodInfo // with the policy of its table
	Policy runtime.Policy     // the policy in effect
}

// Plan is another configuration of the file that can be applied to the methods of a server.
type Plan struct {
	// Policies are those of the methods, in their order, and Changes what changes in each.
	Policies []runtime.Policy
	Changes  [][]policy.Change

	file *Config
	used map[use]bool
}

// Plan checks another configuration of the file. It returns an error if anything is wrong with it,
// or if it changes what must not change while a server runs. all means that the server has no other
// methods. Nothing changes before [Overrides.Commit].
func (o *Overrides) Plan(file *Config, methods []Bound, all bool) (*Plan, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	plan := &Plan{file: file, used: make(map[use]bool)}
	var errs []error
	for _, m := range methods {
		p, faults := apply(m.Table, plan.used, o.fixed, file)
		if len(faults) == 0 {
			changes := policy.Changes(m.Policy, p)
			plan.Policies, plan.Changes = append(plan.Policies, p), append(plan.Changes, changes)
			faults = file.unchangeable(m.Table, changes)
		}
		if errs = append(errs, faults...); len(errs) > maxErrors {
			break
		}
	}
	if all {
		errs = append(errs, unused(plan.used, file)...)
	}
	return plan, few(errs)
}

// Commit makes a plan the configuration of the methods that are bound from now on.
func (o *Overrides) Commit(plan *Plan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.file, o.used = plan.file, plan.used
	o.edits++
}

// unchangeable returns errors for changes that require a restart.
func (c *Config) unchangeable(info runtime.MethodInfo, changes []policy.Change) (errs []error) {
	for _, change := range changes {
		if !change.Live {
			errs = append(errs, c.errorAt(c.setBy(info, change.Option),
				"%s of %s/%s cannot change while the server runs; restart the server, or undo this change",
				change.Option, info.Service, info.Name))
		}
	}
	return errs
}

// setBy returns the offset of an option in the entry that sets it for a method; nowhere if none
// does.
func (c *Config) setBy(info runtime.MethodInfo, option string) int {
	for _, name := range []string{info.Service + "/" + info.Name, info.Service + "/*"} {
		if e, ok := c.entries[name]; ok && policy.Sets(e.rule, option) {
			return locate(e.member, option)
		}
	}
	return nowhere
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
