package apidoc

import (
	"fmt"
	"go/format"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/gofeaturespb"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
)

// examples writes the examples of one service.
type examples struct {
	*builder
	file    model.File
	client  string // the variable of the service's client
	imports importTable
}

func newExamples(b *builder, f model.File, s model.Service) *examples {
	name := strings.TrimSuffix(s.Client, "Client")
	if token.IsKeyword(name) || slices.Contains(reserved, name) || golang.IsPredeclared(name) {
		name = "svc"
	}
	return &examples{
		builder: b, file: f, client: name, imports: importTable{names: make(map[string]string), taken: name},
	}
}

// samples returns the requests of an example: one, or up to two of a stream with a oneof.
func (e *examples) samples(c call) (list []*sample) {
	skip := skippedFields(c)
	first := sampler{index: e.index, skip: skip, ten: countFields(c)}
	list = append(list, first.sample(c.desc.Input, 0))
	hasOneof := slices.ContainsFunc(c.desc.Input.Oneofs, func(o *protogen.Oneof) bool {
		return !o.Desc.IsSynthetic() && len(o.Fields) > 1
	})
	if c.Kind.StreamsRequests() && hasOneof {
		second := sampler{index: e.index, skip: skip, ten: first.ten, arm: 1}
		list = append(list, second.sample(c.desc.Input, 0))
	}
	return list
}

// skippedFields returns the fields that a first call leaves empty.
func skippedFields(c call) map[string]bool {
	skip := make(map[string]bool)
	for _, field := range []struct{ pattern, name string }{
		{"page", "token"}, {"page", "skip"}, {"subscription", "position"}, {"subscription", "since"},
		{"operation", "validate_only"}, {"upload", "number"}, {"upload", "offset"}, {"upload", "checksum"},
		{"upload", "size"},
	} {
		skip[found(fieldsOf(c, field.pattern)).path(field.name)] = true
	}
	for _, text := range []string{"filter", "order_by", "validate_only"} {
		skip[text] = true
	}
	return skip
}

// countFields returns the fields that state how much a call returns.
func countFields(c call) map[string]bool {
	return map[string]bool{
		found(fieldsOf(c, "page")).path("size"): true, found(fieldsOf(c, "search")).path("limit"): true,
		found(fieldsOf(c, "subscription")).path("lines"): true,
	}
}

// grpcurl returns a command that calls the RPC.
func (e *examples) grpcurl(c call) string {
	var b strings.Builder
	b.WriteString("grpcurl")
	if !isPublic(c) {
		b.WriteString(" -H \"authorization: Bearer $TOKEN\"")
	}
	var requests []string
	for _, s := range e.samples(c) {
		requests = append(requests, s.asJSON(""))
	}
	data := strings.Join(requests, "\n")
	fmt.Fprintf(&b, " \\\n  -d '%s' \\\n  \"$ADDRESS\" %s/%s", data, c.service.FullName, c.Name)
	return b.String()
}

// connect returns the Go code that makes a client.
func (e *examples) connect(s model.Service, calls []call) string {
	clientPackage := e.imports.useOurs("client")
	service := e.imports.use(e.file.Service.Package, e.file.Service.Path)
	options := []string{service + "." + s.Config + "()"}
	if slices.ContainsFunc(calls, startsOperation) {
		options = append(options, e.operation()+".Config()")
	}
	return "conn, err := " + clientPackage + ".Dial(\"dns:///api.example.com:443\", " + strings.Join(options, ", ") + ")\n" +
		"if err != nil {\n\treturn err\n}\ndefer conn.Close()\n" +
		e.client + " := " + service + "." + s.NewClient.Name + "(conn)"
}

func startsOperation(c call) bool { return c.Helper != nil && c.Helper.Pattern == "operation" }

func (e *examples) operation() string {
	return e.imports.useOurs("operation")
}

// goCall returns the Go code that calls an RPC.
func (e *examples) goCall(c call) string {
	code := e.callOf(c)
	if formatted, err := format.Source([]byte(code)); err == nil {
		return string(formatted)
	}
	return code
}

func (e *examples) callOf(c call) string {
	var requests []string
	for _, s := range e.samples(c) {
		requests = append(requests, e.message(s, "", e.without(c)))
	}
	svc := e.client
	req := requests[0]
	const fail = "if err != nil {\n\treturn err\n}\n"
	loop := func(item, over string) string {
		return "for " + item + ", err := range " + over + " {\n\tif err != nil {\n\t\treturn err\n\t}\n\t" +
			e.print(item) + "\n}"
	}
	switch {
	case c.Helper != nil && c.Helper.Pattern == "page":
		return loop("item", e.helper(c)+".All(ctx, "+svc+", "+req+")")
	case startsOperation(c):
		return "op, err := " + e.helper(c) + ".Call(ctx, " + svc + ", " + e.operation() + ".NewClient(conn), " + req + ")\n" +
			fail + "result, err := op.Wait(ctx)\n" + fail + e.print("result")
	case c.Helper != nil && c.Helper.Pattern == "subscription" && hasField("subscription", "next_position")(nil, c):
		return loop("resp", e.helper(c)+".Resume(ctx, "+svc+", "+req+")")
	case c.Helper != nil && c.Helper.Pattern == "upload":
		return e.uploadCall(c, svc) + fail + e.print("resp")
	case c.Kind.StreamsRequests():
		of := e.imports.useOurs("stream") + ".Of("
		if len(requests) == 1 {
			of += requests[0] + ")"
		} else {
			of += "\n\t" + strings.Join(indented(requests), ",\n\t") + ",\n)"
		}
		if c.Kind.StreamsResponses() {
			return loop("resp", svc+"."+c.GoName+"(ctx, "+of+")")
		}
		return "resp, err := " + svc + "." + c.GoName + "(ctx, " + of + ")\n" + fail + e.print("resp")
	case c.Kind.StreamsResponses():
		return loop("resp", svc+"."+c.GoName+"(ctx, "+req+")")
	default:
		return "resp, err := " + svc + "." + c.GoName + "(ctx, " + req + ")\n" + fail + e.print("resp")
	}
}

// without returns the field that generated clients fill in, or "".
func (e *examples) without(c call) string { return c.Policy.IdempotencyKey.Field }

func (e *examples) helper(c call) string {
	return e.imports.use(e.file.Service.Package, e.file.Service.Path) + "." + c.Helper.Name
}

func (e *examples) print(what string) string {
	return e.imports.useOurs("fmt") + ".Println(" + what + ")"
}

// uploadCall returns the Go code that uploads a file.
func (e *examples) uploadCall(c call, svc string) string {
	of := c.desc.Input
	if header := found(fieldsOf(c, "upload")).path("header"); header != "" {
		for _, f := range c.desc.Input.Fields {
			if string(f.Desc.Name()) == header && f.Message != nil {
				of = f.Message
			}
		}
	}
	source := e.imports.useOurs("upload") + ".Source[" + e.ident(of.GoIdent) + "]"
	return "file, err := " + e.imports.useOurs("os") + ".Open(\"photo.png\")\nif err != nil {\n\treturn err\n}\ndefer file.Close()\n" +
		"resp, err := " + e.helper(c) + ".Send(ctx, " + svc + ", " + source + "{Name: \"photo.png\", Content: file})\n"
}

func indented(list []string) (out []string) {
	for _, text := range list {
		out = append(out, strings.ReplaceAll(text, "\n", "\n\t"))
	}
	return out
}

// ident returns an identifier with the name of its package.
func (e *examples) ident(id protogen.GoIdent) string {
	name := ""
	for _, f := range e.index.files {
		if f.GoImportPath == id.GoImportPath {
			name = string(f.GoPackageName)
		}
	}
	return e.imports.use(name, string(id.GoImportPath)) + "." + id.GoName
}

// hasBuilder reports whether a message has a builder. Well-known messages have none, whichever API
// the request states as the default.
func hasBuilder(m *protogen.Message) bool {
	return m.APILevel != gofeaturespb.GoFeatures_API_OPEN && !isWellKnown(m.Desc.FullName())
}

// message returns the Go expression for a message, without one of its fields. Messages of the hybrid
// and the opaque API have builders.
func (e *examples) message(s *sample, indent, without string) string {
	var parts []string
	builds := hasBuilder(s.message)
	for _, f := range s.fields {
		if without != "" && string(f.field.Desc.Name()) == without {
			continue
		}
		name, value := f.field.GoName, e.field(f, indent+"\t", builds)
		oneof := f.field.Oneof
		switch {
		case builds:
			name = f.field.BuilderFieldName()
		case oneof != nil && !oneof.Desc.IsSynthetic():
			name = oneof.GoName
			value = "&" + e.ident(f.field.GoIdent) + "{" + f.field.GoName + ": " + e.field(f, indent+"\t", false) + "}"
		}
		parts = append(parts, name+": "+value)
	}
	ident := e.ident(s.message.GoIdent)
	open, end := "&"+ident+"{", "}"
	if builds {
		open, end = ident+"_builder{", "}.Build()"
	}
	return e.enclose(open, parts, end, indent)
}

// enclose is enclose as gofmt writes it.
func (e *examples) enclose(open string, parts []string, end, indent string) string {
	if line := open + strings.Join(parts, ", ") + end; len(line) <= shortLine && !strings.Contains(line, "\n") {
		return line
	}
	inner := "\n" + indent + "\t"
	return open + inner + strings.Join(parts, ","+inner) + ",\n" + indent + end
}

// field returns the Go expression for the value of a field. Builders have pointers also in oneofs.
func (e *examples) field(f sampleField, indent string, builder bool) string {
	switch desc := f.field.Desc; {
	case desc.IsMap():
		key, value := f.field.Message.Fields[0], f.field.Message.Fields[1]
		entry := goScalar(key.Desc, f.value.key) + ": " + e.element(value, f.value, indent+"\t")
		return e.enclose("map["+goType(key.Desc)+"]"+e.typeOf(value)+"{", []string{entry}, "}", indent)
	case desc.IsList():
		return e.enclose("[]"+e.typeOf(f.field)+"{", []string{e.element(f.field, f.value, indent+"\t")}, "}", indent)
	default:
		value := e.value(f.field, f.value, indent)
		isOneof := f.field.Oneof != nil && !f.field.Oneof.Desc.IsSynthetic()
		if desc.HasPresence() && (!isOneof || builder) && f.field.Message == nil && desc.Kind() != protoreflect.BytesKind {
			return e.pointer(f.field, value)
		}
		return value
	}
}

// element returns the Go expression for an item of a list or a map, whose type the list states.
func (e *examples) element(f *protogen.Field, v sampleValue, indent string) string {
	value := e.value(f, v, indent)
	if f.Message == nil {
		return value
	}
	if rest, ok := strings.CutPrefix(value, "&"+e.ident(f.Message.GoIdent)); ok {
		return rest
	}
	return value
}

// pointer returns the Go expression for a pointer to a scalar or an enum.
func (e *examples) pointer(f *protogen.Field, value string) string {
	if f.Enum != nil {
		return value + ".Enum()"
	}
	of := goType(f.Desc)
	return e.imports.useOurs("proto") + "." + strings.ToUpper(of[:1]) + of[1:] + "(" + value + ")"
}

func (e *examples) typeOf(f *protogen.Field) string {
	switch {
	case f.Message != nil:
		return "*" + e.ident(f.Message.GoIdent)
	case f.Enum != nil:
		return e.ident(f.Enum.GoIdent)
	default:
		return goType(f.Desc)
	}
}

func (e *examples) value(f *protogen.Field, v sampleValue, indent string) string {
	switch {
	case v.message != nil:
		return e.message(v.message, indent, "")
	case v.enum != nil:
		return e.ident(v.enum.GoIdent)
	case v.known != "":
		return e.known(f.Message, v.known)
	default:
		return goScalar(f.Desc, v.text)
	}
}

// known returns the Go expression for a well-known message.
func (e *examples) known(m *protogen.Message, text string) string {
	ident := e.ident(m.GoIdent)
	fields := "Seconds: 30" // of a duration, as in knownValues
	switch m.Desc.Name() {
	case "Timestamp":
		fields = "Seconds: 1767366245"
	case "FieldMask":
		fields = "Paths: []string{" + strconv.Quote(text) + "}"
	}
	return "&" + ident + "{" + fields + "}"
}

// goType returns the Go type of a scalar.
func goType(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return "bool"
	case protoreflect.StringKind:
		return "string"
	case protoreflect.BytesKind:
		return "[]byte"
	case protoreflect.FloatKind:
		return "float32"
	case protoreflect.DoubleKind:
		return "float64"
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return "uint32"
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return "uint64"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return "int64"
	default:
		return "int32"
	}
}

// goScalar returns the Go expression for a scalar.
func goScalar(f protoreflect.FieldDescriptor, text string) string {
	switch f.Kind() {
	case protoreflect.StringKind:
		return strconv.Quote(text)
	case protoreflect.BytesKind:
		return "[]byte(" + strconv.Quote(text) + ")"
	default:
		return text
	}
}

// importTable names the packages of the examples of a service.
type importTable struct {
	names map[string]string // by path
	taken string            // a name that no package has
}

// reserved are the variables of the examples, and what their scaffold declares.
var reserved = []string{
	"ctx", "conn", "err", "resp", "item", "op", "result", "file", "svc", "main", "context",
}

// ours are the packages that the examples import by their own names.
var ours = map[string]string{
	"fmt": "fmt", "os": "os", "proto": "google.golang.org/protobuf/proto",
	"client": runtimePath + "client", "operation": runtimePath + "operation",
	"stream": runtimePath + "stream", "upload": runtimePath + "upload",
}

const runtimePath = "github.com/grpcservice/grpcservice/runtime/"

// useOurs returns the name of one of our packages.
func (t *importTable) useOurs(name string) string { return t.use(name, ours[name]) }

// use returns the name of a package.
func (t *importTable) use(name, path string) string {
	if have, found := t.names[path]; found {
		return have
	}
	free := name
	for n := 2; !t.isFree(free, path); n++ {
		free = name + strconv.Itoa(n)
	}
	t.names[path] = free
	return free
}

func (t *importTable) isFree(name, path string) bool {
	own, isOurs := ours[name]
	if isOurs && own != path || name == t.taken || !token.IsIdentifier(name) || golang.IsPredeclared(name) || slices.Contains(reserved, name) {
		return false
	}
	for _, used := range t.names {
		if used == name {
			return false
		}
	}
	return true
}

// list returns the imports, ordered by path.
func (t *importTable) list() (list []Import) {
	for path, name := range t.names {
		list = append(list, Import{name, path})
	}
	slices.SortFunc(list, func(a, b Import) int { return strings.Compare(a.Path, b.Path) })
	return list
}
