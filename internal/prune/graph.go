package prune

// The numbers of the fields of a FileDescriptorProto.
const (
	fileName             = 1
	filePackage          = 2
	fileDependency       = 3
	fileMessage          = 4
	fileEnum             = 5
	fileService          = 6
	fileExtension        = 7
	fileOptions          = 8
	fileSourceInfo       = 9
	filePublicDependency = 10
	fileSyntax           = 12
)

// graph holds the declarations of a request.
type graph struct {
	files    []file
	types    []typ            // those of a file in its order, each before those nested in it
	byName   map[string]int32 // all names of the package scope; -1 if it is no type
	byPath   map[string]int32 // the files
	seen     []int32          // by type: the search that found it last
	searched map[int32]bool   // the messages whose rules were looked for
	names    []string         // those in the scope of the message that was inspected last
	numbers  []uint64         // those of its fields
	search   int32            // the number of the last search
}

// file is a file of a request.
type file struct {
	raw                 []byte
	name, pkg           string
	dependencies        []string
	public              []uint64
	isProto3, isEdition bool
	first, end          int32 // its types
	services            [][]byte
	extensions          []extension
	imports             []int32 // the files whose types it can name, itself first
	keepsTypes          bool    // whether none of its types is removed
	hasReasons          bool    // whether it may have error reasons

	deprecated map[string]bool // the paths of the comments that may deprecate something
	// deprecatesTypes reports whether these are of messages or fields: their indexes must stay.
	deprecatesTypes bool
}

// extension is an extension that a file declares, in the scope of a package or of a message.
type extension struct {
	scope string
	raw   []byte
}

// typ is a message or an enum of a request.
type typ struct {
	name    string // the full name
	raw     []byte
	file    int32
	parent  int32 // the message that it is nested in, or -1
	end     int32 // the index after the types nested in it
	isEnum  bool
	isEntry bool // of a map
	isPlain bool // see plain.go
	rules   rules
	level   level
	refs    []int32 // the types of its fields
}

// newGraph returns the declarations of files. It reports false if they do not decode, or if two have
// the same name.
func newGraph(raw [][]byte) (*graph, bool) {
	g := &graph{
		files: make([]file, len(raw)), byName: make(map[string]int32), byPath: make(map[string]int32),
		searched: make(map[int32]bool),
	}
	packages := make(map[string]bool)
	for i := range raw {
		f := &g.files[i]
		f.raw, f.first = raw[i], int32(len(g.types))
		if _, again := g.byPath[f.name]; !g.scanFile(int32(i)) || again {
			return nil, false
		}
		f.end = int32(len(g.types))
		packages[f.pkg] = true
	}
	for i := range g.files {
		if !g.addNames(int32(i)) || !g.addImports(int32(i)) {
			return nil, false
		}
	}
	g.seen = make([]int32, len(g.types))
	return g, g.haveNoType(packages)
}

// scanFile reads the declarations of a file.
func (g *graph) scanFile(i int32) bool {
	f := &g.files[i]
	var types []field
	var extensions [][]byte
	for rest := f.raw; len(rest) > 0; {
		d, ok := next(&rest)
		if !ok {
			return false
		}
		switch {
		case d.number == fileName && d.isBytes:
			f.name = string(d.value)
		case d.number == filePackage && d.isBytes:
			f.pkg = string(d.value)
		case d.number == fileDependency && d.isBytes:
			f.dependencies = append(f.dependencies, string(d.value))
		case d.number == filePublicDependency && d.isVarint:
			f.public = append(f.public, varint(d))
		case d.number == fileMessage && d.isBytes, d.number == fileEnum && d.isBytes:
			types = append(types, d)
		case d.number == fileService && d.isBytes:
			f.services = append(f.services, d.value)
		case d.number == fileExtension && d.isBytes:
			extensions = append(extensions, d.value)
		case d.number == fileSyntax && d.isBytes:
			f.isProto3, f.isEdition = string(d.value) == "proto3", string(d.value) == "editions"
		case d.number == fileSourceInfo && d.isBytes:
			if !f.addDeprecated(d.value) {
				return false
			}
		case d.number == fileOptions && d.isBytes,
			fileSourceInfo < d.number && d.number <= lastFileField:
		default:
			return false // no compiler writes it
		}
	}
	if _, again := g.byPath[f.name]; again || f.name == "" {
		return false
	}
	g.byPath[f.name] = i
	for _, raw := range extensions {
		f.extensions = append(f.extensions, extension{f.pkg, raw})
	}
	for _, d := range types {
		if !g.scanType(d, d.number == fileEnum, i, -1, f.pkg, maxDepth) {
			return false
		}
	}
	return true
}

// lastFileField is the highest number of a field of a FileDescriptorProto.
const lastFileField = 15

// scanType reads a message or an enum, and the types nested in it.
func (g *graph) scanType(d field, isEnum bool, file, parent int32, scope string, depth int) bool {
	name, ok := nameOf(d.value)
	if !ok || depth == 0 {
		return false
	}
	t := typ{name: join(scope, name), raw: d.value, file: file, parent: parent, isEnum: isEnum}
	if _, again := g.byName[t.name]; again {
		return false
	}
	index := int32(len(g.types))
	g.byName[t.name] = index
	g.types = append(g.types, t)
	for rest := d.value; len(rest) > 0; {
		inner, ok := next(&rest)
		if !ok {
			return false
		}
		switch {
		case isEnum && inner.number == enumOptions && inner.isBytes:
			f := &g.files[file]
			f.hasReasons = f.hasReasons || has(inner.value, ourOption)
		case !isEnum && inner.number == messageOptions && inner.isBytes:
			g.types[index].isEntry = has(inner.value, mapEntryOption)
		case !isEnum && inner.number == messageExtension && inner.isBytes:
			f := &g.files[file]
			f.extensions = append(f.extensions, extension{t.name, inner.value})
		case !isEnum && (inner.number == messageNested || inner.number == messageEnum):
			if !inner.isBytes || !g.scanType(inner, inner.number == messageEnum, file, index, t.name, depth-1) {
				return false
			}
		}
	}
	g.types[index].end = int32(len(g.types))
	return true
}

// addNames adds the names in the package scope that are no types. It reports false if one is
// declared twice. Names in other scopes are checked with the message that they belong to.
func (g *graph) addNames(i int32) bool {
	f := &g.files[i]
	add := func(scope string, named []byte) bool {
		name, ok := nameOf(named)
		full := join(scope, name)
		if _, again := g.byName[full]; !ok || again {
			return false
		}
		g.byName[full] = -1
		return true
	}
	for t := f.first; t < f.end; t = g.types[t].end {
		if !g.types[t].isEnum {
			continue
		}
		for rest := g.types[t].raw; len(rest) > 0; {
			if d, ok := next(&rest); !ok || d.number == enumValue && !add(f.pkg, d.value) {
				return false
			}
		}
	}
	for _, service := range f.services {
		if !add(f.pkg, service) {
			return false
		}
	}
	for _, x := range f.extensions {
		if !add(x.scope, x.raw) {
			return false
		}
	}
	return true
}

// addImports finds the files whose types a file can name: itself, those that it imports, and those
// that these import publicly.
func (g *graph) addImports(i int32) bool {
	f := &g.files[i]
	f.imports = []int32{i}
	for _, path := range f.dependencies {
		imported, found := g.byPath[path]
		if !found || imported >= i { // a compiler writes a file after those that it imports
			return false
		}
		f.imports = append(f.imports, imported)
	}
	for _, imported := range f.imports[1:] {
		of := &g.files[imported]
		for _, n := range of.public {
			if n >= uint64(len(of.dependencies)) {
				return false
			}
			f.imports = append(f.imports, g.publicFrom(g.byPath[of.dependencies[n]])...)
		}
	}
	return true
}

// publicFrom returns a file and those that it imports publicly.
func (g *graph) publicFrom(i int32) []int32 {
	all := []int32{i}
	for _, n := range g.files[i].public {
		all = append(all, g.publicFrom(g.byPath[g.files[i].dependencies[n]])...)
	}
	return all
}

// haveNoType reports whether no package has the name of a declaration.
func (g *graph) haveNoType(packages map[string]bool) bool {
	for name := range packages {
		for ; name != ""; name, _ = splitLast(name) {
			if _, is := g.byName[name]; is {
				return false
			}
		}
	}
	return true
}

// resolve returns the type that a file names, by its full name with a leading dot.
func (g *graph) resolve(file int32, name []byte) (index int32, ok bool) {
	if len(name) == 0 || name[0] != '.' {
		return 0, false
	}
	index, ok = g.byName[string(name[1:])]
	if !ok || index < 0 {
		return 0, false
	}
	for _, imported := range g.files[file].imports {
		if imported == g.types[index].file {
			return index, true
		}
	}
	return 0, false
}

// nameOf returns the name of a declaration. It must be the first field, and the only name.
func nameOf(declaration []byte) (name string, ok bool) {
	f, ok := next(&declaration)
	ok = ok && f.number == declarationName && f.isBytes && !has(declaration, declarationName)
	return string(f.value), ok
}

// declarationName is the number of the name in the descriptor of every declaration.
const declarationName = 1

func join(scope, name string) string {
	if scope == "" {
		return name
	}
	return scope + "." + name
}

// splitLast removes the last element of a full name.
func splitLast(name string) (scope, last string) {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '.' {
			return name[:i], name[i+1:]
		}
	}
	return "", name
}
