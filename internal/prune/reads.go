package prune

import (
	"slices"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// keepService keeps what the patterns and the policies read of the methods of a service.
func (g *graph) keepService(methods []method, patterns []pattern.Pattern) {
	comparesMethods := false
	for _, m := range methods {
		g.keep(m.input, shell)
		g.keep(m.output, shell)
		g.keepRules(m.input)
		switch g.reads(m, methods, patterns) {
		case pattern.ReadsBoth:
			g.keepDeep(m.input)
			g.keepDeep(m.output)
			g.keepOperation(m)
			comparesMethods = true
		case pattern.ReadsRequest:
			g.keep(m.input, whole)
		case pattern.ReadsNothing:
		}
	}
	if !comparesMethods {
		return
	}
	for _, m := range methods { // a pattern may compare its method with any other of the service
		g.keep(m.input, whole)
		g.keep(m.output, whole)
	}
}

// reads returns which messages of a method the patterns read.
func (g *graph) reads(m method, all []method, patterns []pattern.Pattern) (reads pattern.Reads) {
	if !m.isUnary {
		return pattern.ReadsBoth
	}
	o := g.outlineOf(m, all)
	for _, p := range patterns {
		if p.Kinds&pattern.Unary != 0 {
			reads = max(reads, p.MayRead(o))
		}
	}
	return reads
}

// outlineOf returns the outline of a unary method.
func (g *graph) outlineOf(m method, all []method) pattern.Outline {
	o := pattern.Outline{Method: shape.Letters(m.name), Response: g.lettersOf(m.output)}
	for rest := g.types[m.input].raw; len(rest) > 0; {
		f, _ := next(&rest)
		if f.number != messageField {
			continue
		}
		d, isPlain := declOf(f.value)
		o.Request = append(o.Request, shape.Letters(string(d.name)))
		if !isPlain || d.label == labelRepeated && d.kind == kindMessage {
			of, _ := g.resolve(g.types[m.input].file, d.typeName)
			o.ListsRequests = o.ListsRequests || !isPlain ||
				slices.ContainsFunc(all, func(other method) bool { return other.input == of })
		}
	}
	return o
}

// lettersOf returns the letters of the names of the fields of a message.
func (g *graph) lettersOf(i int32) (names []string) {
	for rest := g.types[i].raw; len(rest) > 0; {
		f, _ := next(&rest)
		if f.number == messageField {
			name, _ := nameOf(f.value)
			names = append(names, shape.Letters(name))
		}
	}
	return names
}

// keepOperation keeps the messages that the operation_info of a method may mean.
func (g *graph) keepOperation(m method) {
	for _, name := range m.operation {
		for _, full := range []string{join(m.pkg, name), name} {
			if i, found := g.byName[full]; found && i >= 0 && !g.types[i].isEnum {
				g.keep(i, whole)
			}
		}
	}
}

// keepRules keeps what decides whether a request has validation rules, its own or those of a message
// that it may contain: the way to the first message that has some. Without any, it keeps all
// messages if one of them may have rules.
func (g *graph) keepRules(request int32) {
	if g.searched[request] {
		return
	}
	g.searched[request] = true
	g.search++
	type step struct{ at, from int32 }
	way := []step{{request, -1}}
	g.seen[request] = g.search
	mayHave := false
	for i := 0; i < len(way); i++ {
		t := &g.types[way[i].at]
		if t.rules == hasRules {
			for ; i >= 0; i = int(way[i].from) {
				g.keep(way[i].at, whole)
			}
			return
		}
		mayHave = mayHave || t.rules == mayHaveRules
		for _, ref := range t.refs {
			if !g.types[ref].isEnum && g.seen[ref] != g.search {
				g.seen[ref] = g.search
				way = append(way, step{ref, int32(i)})
			}
		}
	}
	if mayHave {
		for _, s := range way {
			g.keep(s.at, whole)
		}
	}
}
