package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/overrides"
	"github.com/grpcservice/grpcservice/runtime/internal/reload"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// WithPolicyFile overrides the policies of methods as [WithPolicy] does, from a file that is
// watched while the server runs. Its entries take precedence over those of WithPolicy. The file is
// read when the server is created; [Server.Run] returns what is wrong with it.
//
// The server compares the content of the file once a second. Content that is different is checked
// by the rules of WithPolicy, and applied as a whole or not at all. It may change timeouts, rates,
// concurrency and log. If it changes another option of a method, or if anything else is wrong with
// it, the policies stay as they are, and the log has an error with the line and the column. The
// log has a record for each option that changed. An entry that is removed no longer overrides
// anything.
//
// A call keeps the policy that it started with. Rates and concurrency limits keep their counts:
// a change gives no caller a fresh burst, and a lower limit of concurrent calls lets running calls
// finish. For the details, see docs/policy.md.
//
// decode turns the content into JSON, for a file in another format: pass YAMLToJSON of a YAML
// library. Errors then have no line.
//
// The file is at most 8 MiB. Replace it with a rename, or let Kubernetes mount it: a file that is
// written in place may be read half-written, which is rejected until it is complete. On a server
// of [On], calls notice a change: the calls that follow a call have the new policy.
func WithPolicyFile(path string, decode ...func([]byte) ([]byte, error)) Option {
	return func(c *settings) {
		switch {
		case c.policyFile != nil:
			c.fail("WithPolicyFile(%q): there is a policy file already, %q; pass one", path, c.policyFile.path)
			return
		case len(decode) > 1 || len(decode) == 1 && decode[0] == nil:
			c.fail("WithPolicyFile(%q): pass one function that decodes the file, or none for JSON", path)
			return
		}
		c.policyFile = &policyFile{path: path}
		if len(decode) > 0 {
			c.policyFile.decode = decode[0]
		}
	}
}

// policyFile is the file of [WithPolicyFile]. Its methods may be called on nil.
type policyFile struct {
	path   string
	decode func([]byte) ([]byte, error) // nil for JSON

	value    *reload.Value[*overrides.Config]
	pipeline *pipeline // nil until the options are complete
	rejected bool      // whether the content that was read last is; notify uses it
	failed   [sha256.Size]byte
	why      error // of the failed content; nil before any

	// onUse means that calls check the file, because nothing else does.
	onUse bool
	// unknownOnly means that the pipeline serves calls of unknown methods and has no other method:
	// that of [On] does, and logs what is wrong.
	unknownOnly bool
	start       time.Time
	nextUse     atomic.Int64 // when, in nanoseconds since start
	checking    atomic.Bool
	unused      sync.Once
}

// open reads the file for the first time.
func (f *policyFile) open(c *settings) {
	value, err := reload.Open(f.parse, f.notify, f.path)
	if err != nil {
		c.errs = append(c.errs, err)
		return
	}
	f.value, f.start = value, time.Now()
	c.overrides.SetFile(value.Get())
}

// latest returns why the content of the file is not in effect, as the last check found it.
func (f *policyFile) latest() error {
	if f.value == nil {
		return nil
	}
	_, err := f.value.Latest()
	return err
}

// parse checks the content of the file, and applies it to the methods of a server that runs. It is
// called again and again for content that is rejected, which remains so.
func (f *policyFile) parse(contents [][]byte) (*overrides.Config, error) {
	sum := sha256.Sum256(contents[0])
	if f.why != nil && sum == f.failed {
		return nil, f.why
	}
	config, err := f.parseOnce(contents)
	if err != nil {
		f.failed = sum
	}
	f.why = err
	return config, err
}

func (f *policyFile) parseOnce(contents [][]byte) (config *overrides.Config, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = f.panicked(value)
		}
	}()
	if config, err = f.read(contents[0]); err != nil || f.pipeline == nil {
		return config, err
	}
	return config, f.pipeline.changePolicies(config)
}

func (f *policyFile) read(content []byte) (*overrides.Config, error) {
	if f.decode == nil {
		return overrides.ReadFile(f.path, content)
	}
	decoded, err := f.decode(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return overrides.ReadDecoded(f.path, decoded)
}

// panicked returns the error for a panic of the function that decodes the file, or of a rate
// limiter.
func (f *policyFile) panicked(value any) error {
	if p := f.pipeline; p != nil {
		p.recoverOutside(context.Background(), value, slog.String("file", f.path))
	}
	return fmt.Errorf("%s: panic: %v", f.path, value)
}

// notify logs what the file was used for.
func (f *policyFile) notify(err error) {
	if f.unknownOnly {
		return
	}
	log := f.pipeline.logger
	switch was := f.rejected; {
	case err != nil:
		f.rejected = true
		report.Log(func() {
			log.Error("policy file rejected; the policies stay as they are",
				slog.String("file", f.path), slog.Any("error", err))
		})
	case was:
		f.rejected = false
		report.Log(func() { log.Info("policy file accepted again", slog.String("file", f.path)) })
	}
}

// watch checks the file until stop is called. It does not wait for a file system that hangs.
func (f *policyFile) watch() (stop func()) {
	if f == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(reload.Interval)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				_ = f.value.Check() // notify logs it
			}
		}
	}()
	return sync.OnceFunc(func() { close(done) })
}

// checkOnUse checks the file for a call on a server that does not watch it. The call does not wait.
func (f *policyFile) checkOnUse() {
	if f == nil || !f.onUse {
		return
	}
	now := int64(time.Since(f.start))
	if now < f.nextUse.Load() || !f.checking.CompareAndSwap(false, true) {
		return
	}
	f.nextUse.Store(now + int64(reload.Interval))
	go func() {
		defer f.checking.Store(false)
		f.unused.Do(f.logUnused)
		_ = f.value.Check()
	}()
}

// logUnused logs which entries override nothing. On a server of [On], the methods are complete
// when the first call arrives.
func (f *policyFile) logUnused() {
	p := f.pipeline
	if f.unknownOnly {
		return
	}
	p.unknownMethod()
	if err := errors.Join(p.overrides.Misuse()...); err != nil {
		report.Log(func() { p.logger.Error("policies without effect", slog.Any("error", err)) })
	}
}

// changePolicies applies the configuration of the file to all methods, or returns why it cannot be
// applied.
func (p *pipeline) changePolicies(file *overrides.Config) error {
	p.unknownMethod() // may have an entry
	methods, plan, err := p.applyFile(file)
	if err != nil || p.policyFile.unknownOnly {
		return err
	}
	for i, m := range methods {
		p.logChanges(m, plan.Changes[i])
	}
	return nil
}

// applyFile is changePolicies without the log.
func (p *pipeline) applyFile(file *overrides.Config) ([]*method, *overrides.Plan, error) {
	p.policing.Lock()
	defer p.policing.Unlock()
	methods := p.all()
	plan, err := p.overrides.Plan(file, boundOf(methods), !p.policyFile.unknownOnly)
	if err != nil {
		return nil, nil, err
	}
	var changes []change
	for i, m := range methods {
		if len(plan.Changes[i]) > 0 {
			changes = append(changes, m.prepare(plan.Policies[i]))
		}
	}
	p.overrides.Commit(plan)
	now := time.Now()
	for _, c := range changes {
		c.apply(now)
	}
	return methods, plan, nil
}

// all returns the methods that are bound.
func (p *pipeline) all() []*method {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.methods)
}

// boundOf describes methods with the policies that are in effect.
func boundOf(methods []*method) []overrides.Bound {
	bound := make([]overrides.Bound, len(methods))
	for i, m := range methods {
		table := m.info
		table.Policy = m.table
		bound[i] = overrides.Bound{Table: table, Policy: m.policy.Load().info.Policy}
	}
	return bound
}

// logChanges writes a record for each option of a method that has changed.
func (p *pipeline) logChanges(m *method, changes []policy.Change) {
	for _, c := range changes {
		report.Log(func() {
			p.logger.Info("policy changed", slog.String(logMethod, m.log.name),
				slog.String("option", c.Option),
				slog.String("old", orUnset(c.Old)), slog.String("new", orUnset(c.New)))
		})
	}
}

func orUnset(value string) string {
	if value == "" {
		return "unset"
	}
	return value
}
