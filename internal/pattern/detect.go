package pattern

import (
	"fmt"
	"iter"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Detect returns the patterns of a method. The policy said, which may be nil, takes a pattern away by off, and names fields that
// go before what is found; limits in it have no effect here, whether or not the pattern is there. By find it looks up the
// messages that options name; it returns nil for those that it does not know.
func Detect(method protoreflect.MethodDescriptor, said *grpcservicev1.Policy, find func(protoreflect.FullName) protoreflect.MessageDescriptor) Result {
	d := &detector{method: method, in: method.Input(), out: method.Output(), said: said, find: find}
	if !isUnary(method) {
		d.refuseStreams()
		return d.result
	}
	d.findRequestID()
	for _, found := range d.order() {
		if found() {
			break
		}
	}
	d.reportRequestID()
	return d.result
}

// detector looks for the patterns of one method.
type detector struct {
	method  protoreflect.MethodDescriptor
	in, out protoreflect.MessageDescriptor
	said    *grpcservicev1.Policy
	find    func(protoreflect.FullName) protoreflect.MessageDescriptor
	id      idField
	result  Result
}

// order returns the patterns in the order in which they go before each other: what the policy names, then an operation, a page,
// and a batch. A batch that returns an operation is part of it.
func (d *detector) order() []func() bool {
	page, batch := firstPageName(d.said.GetPage()), firstBatchName(d.said.GetBatch())
	if page != "" && batch != "" {
		d.problem(batch, fmt.Sprintf("%s names a field too, and a method is either paged or a batch; remove one of them", page))
	}
	switch {
	case page != "":
		return []func() bool{d.findPage, d.findOperation, d.findBatch}
	case batch != "":
		return []func() bool{d.findOperation, d.findBatch, d.findPage}
	default:
		return []func() bool{d.findOperation, d.findPage, d.findBatch}
	}
}

// report adds a finding.
func (d *detector) report(pattern string, e evidence) {
	d.result.Findings = append(d.result.Findings, e.finding(pattern))
}

// reportPossible adds a finding of what may be there.
func (d *detector) reportPossible(pattern, reason, advice string) {
	d.result.Findings = append(d.result.Findings, Finding{Pattern: pattern, Level: Possible, Reason: reason, Advice: advice})
}

// others yields the other methods of the service that have no stream.
func (d *detector) others() iter.Seq[protoreflect.MethodDescriptor] {
	return func(yield func(protoreflect.MethodDescriptor) bool) {
		service, ok := d.method.Parent().(protoreflect.ServiceDescriptor)
		if !ok {
			return
		}
		for i := range service.Methods().Len() {
			m := service.Methods().Get(i)
			if m.FullName() != d.method.FullName() && isUnary(m) && !yield(m) {
				return
			}
		}
	}
}

func isUnary(method protoreflect.MethodDescriptor) bool {
	return !method.IsStreamingClient() && !method.IsStreamingServer()
}
