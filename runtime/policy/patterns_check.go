package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// CheckWide returns all that is wrong with a policy that is for many methods: what [Check] finds, and what can only be said of
// one method.
func CheckWide(p *grpcservicev1.Policy) []Fault {
	f := faults(Check(p))
	for _, path := range shapeIn(p) {
		f.add(path, "it speaks of the fields of one method; set it for that method")
	}
	return f
}

// patterns checks what options say of patterns.
func (f *faults) patterns(p *grpcservicev1.Policy) {
	for _, name := range patternNames {
		if m, speaks := patternIn(p, name); speaks {
			f.pattern(name, m)
		}
	}
	f.page(p.GetPage())
	f.batch(p.GetBatch())
	f.operation(p.GetOperation())
	if r := p.GetIdempotencyKey(); r != nil {
		f.positive("idempotency_key.window", r.Window)
	}
}

// pattern checks what holds for every pattern: it is there or it is off, and no field that it needs has an empty name.
func (f *faults) pattern(name string, m protoreflect.Message) {
	set := fieldsSet(m)
	if isOff(m) && len(set) > 0 {
		f.add(name+".off", "it takes the pattern away, of which %s.%s speaks; remove one of them", name, set[0])
	}
	for _, field := range set {
		fd := m.Descriptor().Fields().ByName(protoreflect.Name(field))
		path := name + "." + field
		switch {
		case fd.IsList():
			for i := range m.Get(fd).List().Len() {
				f.name(fmt.Sprintf("%s[%d]", path, i), m.Get(fd).List().Get(i).String())
			}
		case fd.Kind() == protoreflect.EnumKind:
			f.enumNumber(path, fd.Enum(), m.Get(fd).Enum())
		case fd.Kind() == protoreflect.StringKind && slices.Contains(shapeNames[name], field):
			if text := m.Get(fd).String(); text != "" || !slices.Contains(optionalNames[name], field) {
				f.name(path, text)
			}
		}
	}
}

// name checks the name of a field or of a message: identifiers with dots between them.
func (f *faults) name(path, name string) {
	for part := range strings.SplitSeq(strings.TrimPrefix(name, "."), ".") {
		if !protoreflect.Name(part).IsValid() {
			f.add(path, `%.100q is not a name; write it as in "page.token"`, name)
			return
		}
	}
}

func (f *faults) page(p *grpcservicev1.Page) {
	f.atLeastOne("page.default_size", p.GetDefaultSize(), p == nil || p.DefaultSize == nil)
	f.atLeastOne("page.max_size", p.GetMaxSize(), p == nil || p.MaxSize == nil)
	if longest := p.GetMaxSize(); longest > 0 && p.GetDefaultSize() > longest {
		f.add("page.default_size", "%d is above page.max_size, which is %d; lower one or raise the other", p.GetDefaultSize(), longest)
	}
	f.duration("page.token_ttl", p.GetTokenTtl())
}

func (f *faults) batch(b *grpcservicev1.Batch) {
	f.atLeastOne("batch.max_size", b.GetMaxSize(), b == nil || b.MaxSize == nil)
	f.atLeastOne("batch.concurrency", b.GetConcurrency(), b == nil || b.Concurrency == nil)
}

func (f *faults) operation(o *grpcservicev1.Operation) {
	if o == nil {
		return
	}
	f.lease(o.Lease)
	f.duration("operation.retain", o.GetRetain())
	f.duration("operation.timeout", o.GetTimeout())
	f.atLeastOne("operation.max_attempts", o.GetMaxAttempts(), o.MaxAttempts == nil)
}

// shortestLease is the shortest lease that a worker can be expected to renew in time, which it does at a third of it.
const shortestLease = time.Second

func (f *faults) lease(text *string) {
	if text == nil {
		return
	}
	before := len(*f)
	if d := f.duration("operation.lease", *text); d < shortestLease && len(*f) == before {
		f.add("operation.lease", "%v is below %v: no worker could keep it", d, shortestLease)
	}
}

func (f *faults) atLeastOne(field string, n int32, unset bool) {
	if !unset && n < 1 {
		f.add(field, "%d is not at least 1", n)
	}
}

// positive checks a duration that cannot be zero.
func (f *faults) positive(field string, text *string) {
	if text == nil {
		return
	}
	before := len(*f)
	if d := f.duration(field, *text); d == time.Duration(0) && len(*f) == before {
		f.add(field, "it must be above 0")
	}
}

// takenAway finds what layers that are not wide say of a pattern that an earlier layer takes away. What a later one takes away
// is not a fault: it goes before.
func takenAway(layers []Layer) (f []Fault) {
	for _, name := range patternNames {
		off := false
		for i, layer := range layers {
			m, speaks := patternIn(layer.Policy, name)
			if !speaks {
				continue
			}
			if fd := m.Descriptor().Fields().ByName("off"); m.Has(fd) {
				off = m.Get(fd).Bool()
				continue
			}
			if set := fieldsSet(m); off && !layer.Wide && len(set) > 0 {
				f = append(f, Fault{Layer: i, Field: name + "." + set[0],
					Text: fmt.Sprintf("the service, or a rule for many methods, takes the pattern away; set %s.off to false beside it", name)})
			}
		}
	}
	return f
}
