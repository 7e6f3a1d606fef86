package prune

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/grpcservice/grpcservice/internal/pattern"
)

// level is how much is kept of a type.
type level int8

const (
	removed level = iota
	shell         // the name and the options of a message, and the types nested in it that are kept
	whole         // all of a type, except nested ones that are removed
)

// The numbers of the fields of the descriptors of services and methods.
const (
	serviceMethod    = 2 // ServiceDescriptorProto
	serviceOptions   = 3
	methodInput      = 2 // MethodDescriptorProto
	methodOutput     = 3
	methodOptions    = 4
	clientStreaming  = 5
	serverStreaming  = 6
	operationInfoOne = 1 // google.longrunning.OperationInfo.response_type
	operationInfoTwo = 2 // google.longrunning.OperationInfo.metadata_type
)

// setLevels decides what is kept. It reports false if a name cannot be resolved.
func (g *graph) setLevels(patterns []pattern.Pattern, keepsTypes bool) bool {
	for i := range g.types {
		if !g.inspect(int32(i)) {
			return false
		}
	}
	methods := make([][][]method, len(g.files))
	for i := range g.files {
		f := &g.files[i]
		all, hasOptions, ok := g.methodsOf(int32(i))
		if !ok {
			return false
		}
		methods[i] = all
		if keepsTypes || f.hasReasons || hasOptions {
			g.keepTypes(int32(i))
		}
		f.keepsTypes = f.keepsTypes || f.deprecatesTypes
	}
	for i := range g.types {
		t := &g.types[i]
		if !t.isPlain || g.files[t.file].keepsTypes {
			for nested := int32(i); nested < t.end; nested++ {
				g.keep(nested, whole)
			}
		}
	}
	for i := range g.files {
		for _, x := range g.files[i].extensions {
			refs, ok := g.refsOf(int32(i), x.raw)
			if !ok {
				return false
			}
			for _, ref := range refs {
				g.keep(ref, whole)
			}
		}
		for _, service := range methods[i] {
			g.keepService(service, patterns)
		}
	}
	return true
}

// keepTypes keeps the types that a file can name, in it and in all files that it imports: its
// options may look for fields of any depth and for messages by name.
func (g *graph) keepTypes(i int32) {
	f := &g.files[i]
	if f.keepsTypes {
		return
	}
	f.keepsTypes = true
	for _, path := range f.dependencies {
		g.keepTypes(g.byPath[path])
	}
}

// keep keeps a type on a level, and what that requires: the messages that it is nested in, and the
// types of its fields.
func (g *graph) keep(i int32, l level) {
	t := &g.types[i]
	if t.isEnum || t.isEntry {
		l = whole
	}
	if t.level >= l {
		return
	}
	t.level = l
	if t.parent >= 0 {
		g.keep(t.parent, shell)
	}
	if l == whole {
		for _, ref := range t.refs {
			g.keep(ref, shell)
		}
	}
}

// keepDeep keeps a message as far as a pattern looks at it: the message, those that its fields have
// (level 1), and their fields, of which only the names of the types count. But a message on level 2
// whose name ends with Status counts too: package shape compares its fields with google.rpc.Status.
func (g *graph) keepDeep(i int32) {
	g.keep(i, whole)
	for first := range g.messagesIn(i) {
		g.keep(first, whole)
		for second := range g.messagesIn(first) {
			if strings.HasSuffix(g.types[second].name, "Status") {
				g.keep(second, whole)
			}
		}
	}
}

// messagesIn yields the messages that the fields of a message have. Those of a map are its values.
func (g *graph) messagesIn(i int32) func(func(int32) bool) {
	return func(yield func(int32) bool) {
		for _, ref := range g.types[i].refs {
			t := &g.types[ref]
			if t.isEntry {
				for _, value := range t.refs {
					if !g.types[value].isEnum && !yield(value) {
						return
					}
				}
			} else if !t.isEnum && !yield(ref) {
				return
			}
		}
	}
}

// method is an RPC of a file.
type method struct {
	name, pkg     string
	input, output int32
	isUnary       bool
	operation     []string // the messages that its operation_info may mean
}

// methodsOf returns the methods of each service of a file, and whether they or their services have
// options of this project.
func (g *graph) methodsOf(file int32) (services [][]method, hasOptions, ok bool) {
	for _, service := range g.files[file].services {
		var methods []method
		for rest := service; len(rest) > 0; {
			d, ok := next(&rest)
			if !ok {
				return nil, false, false
			}
			switch d.number {
			case serviceOptions:
				hasOptions = hasOptions || has(d.value, ourOption)
			case serviceMethod:
				m, isSet, ok := g.methodOf(file, d.value)
				if !ok {
					return nil, false, false
				}
				hasOptions = hasOptions || isSet
				methods = append(methods, m)
			}
		}
		services = append(services, methods)
	}
	return services, hasOptions, true
}

// methodOf returns a method, and whether it has options of this project.
func (g *graph) methodOf(file int32, raw []byte) (m method, hasOptions, ok bool) {
	var hasInput, hasOutput bool
	m.name, _ = nameOf(raw)
	m.pkg, m.isUnary = g.files[file].pkg, true
	for len(raw) > 0 {
		f, ok := next(&raw)
		if !ok {
			return m, false, false
		}
		switch f.number {
		case methodInput:
			m.input, hasInput = g.resolve(file, f.value)
		case methodOutput:
			m.output, hasOutput = g.resolve(file, f.value)
		case clientStreaming, serverStreaming:
			m.isUnary = false // also where it is set to false, which no compiler writes
		case methodOptions:
			hasOptions = hasOptions || has(f.value, ourOption)
			m.operation = append(m.operation, operationTypes(f.value)...)
		}
	}
	isMessage := hasInput && hasOutput && !g.types[m.input].isEnum && !g.types[m.output].isEnum
	return m, hasOptions, isMessage
}

// operationTypes returns the names of messages in the operation_info of a method.
func operationTypes(options []byte) (names []string) {
	for len(options) > 0 {
		f, ok := next(&options)
		if !ok {
			return names
		}
		if f.number != protowire.Number(pattern.OperationInfo) {
			continue
		}
		for info := f.value; len(info) > 0; {
			named, ok := next(&info)
			if !ok {
				break
			}
			if named.number == operationInfoOne || named.number == operationInfoTwo {
				names = append(names, strings.TrimPrefix(string(named.value), "."))
			}
		}
	}
	return names
}
