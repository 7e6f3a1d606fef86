package plugin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// isPage reports whether a file is a page of an API reference.
func isPage(file string) bool { return slices.Contains([]string{".md", ".html"}, path.Ext(file)) }

// referenceCase holds the pages for a test case.
type referenceCase struct {
	name    string
	request *pluginpb.CodeGeneratorRequest
	pages   map[string]string
}

// referenceCases holds the pages for all test cases without an error. The first test that needs
// them generates them.
var referenceCases struct {
	once  sync.Once
	cases []referenceCase
}

// references returns the pages for all test cases without an error.
func references(t *testing.T) []referenceCase {
	t.Helper()
	referenceCases.once.Do(func() {
		for _, c := range testCases(t) {
			if _, err := os.Stat(filepath.Join(c.dir, "want", "error")); err == nil {
				continue
			}
			request := c.request(t)
			request.Parameter = proto.String(strings.TrimPrefix(without(c.options, placing...)+",emit=docs", ","))
			r := run(t, request)
			if r.err != "" {
				t.Errorf("%s: %s", c.name, r.err)
			}
			referenceCases.cases = append(referenceCases.cases, referenceCase{c.name, request, r.files})
		}
	})
	return referenceCases.cases
}

// TestReferences checks the pages for all test cases: their links, their tables and their tags.
func TestReferences(t *testing.T) {
	for _, c := range references(t) {
		t.Run(c.name, func(t *testing.T) {
			anchors := make(map[string][]string)
			for file, text := range c.pages {
				anchors[file] = anchorsOf(text)
			}
			for file, text := range c.pages {
				if path.Ext(file) == ".html" {
					checkHTML(t, file, text)
				} else {
					checkMarkdown(t, file, text, anchors)
				}
			}
		})
	}
}

// checkHTML checks that the tags of a page are balanced, that its IDs are unique, that it links to
// nothing else than these and the web, and that it has no scripts and no assets.
func checkHTML(t *testing.T, file, text string) {
	t.Helper()
	var open, links []string
	ids := make(map[string]bool)
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if z.Err() != io.EOF || len(open) > 0 {
				t.Errorf("%s: it ends with %v and the open tags %q", file, z.Err(), open)
			}
			for _, link := range links {
				if id, isLocal := strings.CutPrefix(link, "#"); isLocal && !ids[id] {
					t.Errorf("%s: nothing has the ID %q", file, id)
				} else if !isLocal && !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") {
					t.Errorf("%s: it links to %q", file, link)
				}
			}
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if slices.Contains([]string{"script", "img", "link", "iframe", "object", "form", "base", "b"}, token.Data) {
				t.Errorf("%s: it has a tag %s", file, token.Data)
			}
			if kind == html.StartTagToken && !slices.Contains([]string{"meta", "br"}, token.Data) {
				open = append(open, token.Data)
			}
			for _, a := range token.Attr {
				switch {
				case a.Key == "id" && ids[a.Val]:
					t.Errorf("%s: the ID %q is there twice", file, a.Val)
				case a.Key == "id":
					ids[a.Val] = true
				case a.Key == "href":
					links = append(links, a.Val)
				case strings.HasPrefix(a.Key, "on"), a.Key == "src":
					t.Errorf("%s: it has the attribute %s", file, a.Key)
				}
			}
		case html.EndTagToken:
			tag := z.Token().Data
			if len(open) == 0 || open[len(open)-1] != tag {
				t.Fatalf("%s: </%s> closes none of %q", file, tag, open)
			}
			open = open[:len(open)-1]
		}
	}
}

var (
	markdownLink = regexp.MustCompile(`\]\(([^)]*)\)`)
	maskObject   = regexp.MustCompile(`\{"paths": \["(\w+)"\]\}`)
	notInSlug    = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	markdownTag  = regexp.MustCompile(`<([^<>]*)>?`)
)

// checkMarkdown checks the links of a page, that its tables are whole, that its code is closed, and
// that it has no tags but those that the plugin writes.
func checkMarkdown(t *testing.T, file, text string, anchors map[string][]string) {
	t.Helper()
	fence, columns := "", 0
	for i, line := range strings.Split(text, "\n") {
		problem := func(format string, args ...any) {
			t.Helper()
			t.Errorf("%s:%d: %s\n%s", file, i+1, fmt.Sprintf(format, args...), line)
		}
		if run := len(line) - len(strings.TrimLeft(line, "`")); run >= 3 && fence == "" {
			fence = line[:run]
			continue
		}
		if fence != "" {
			if line == fence {
				fence = ""
			}
			continue
		}
		if i == 0 {
			continue // the comment that it is generated
		}
		if !strings.HasPrefix(line, "|") {
			columns = 0
		} else if n := strings.Count(line, "|") - 1; columns == 0 {
			columns = n
		} else if n != columns {
			problem("the row has %d columns, want %d", n, columns)
		}
		prose := withoutCode(line)
		for _, tag := range markdownTag.FindAllStringSubmatch(prose, -1) {
			if name := tag[1]; !slices.Contains([]string{"br", "code", "/code"}, name) && !strings.HasPrefix(name, "http") {
				problem("it has the tag %q", name)
			}
		}
		for _, link := range markdownLink.FindAllStringSubmatch(prose, -1) {
			if !isLinked(file, link[1], anchors) {
				problem("nothing has the anchor or the path %q", link[1])
			}
		}
	}
	if fence != "" {
		t.Errorf("%s: the fence %s is not closed", file, fence)
	}
}

// withoutCode returns a line without the content of its code, and without what backslashes escape.
func withoutCode(line string) string {
	var b strings.Builder
	for at := 0; at < len(line); {
		switch run := len(line[at:]) - len(strings.TrimLeft(line[at:], "`")); {
		case line[at] == '\\':
			at += 2
		case run > 0:
			end := strings.Index(line[at+run:], line[at:at+run])
			for end >= 0 && strings.HasPrefix(line[at+run+end+run:], "`") { // a longer run
				longer := len(line[at+run+end:]) - len(strings.TrimLeft(line[at+run+end:], "`"))
				next := strings.Index(line[at+run+end+longer:], line[at:at+run])
				if next < 0 {
					end = -1
					break
				}
				end += longer + next
			}
			if end < 0 {
				at += run
				continue
			}
			at += run + end + run
		default:
			b.WriteByte(line[at])
			at++
		}
	}
	return b.String()
}

// isLinked reports whether a link of a page leads to a page or a heading, or to the web.
func isLinked(file, link string, anchors map[string][]string) bool {
	if strings.HasPrefix(link, "https://") || strings.HasPrefix(link, "http://") {
		return true
	}
	to, anchor, hasAnchor := strings.Cut(link, "#")
	if to != "" {
		file = path.Join(path.Dir(file), to)
	}
	has, found := anchors[file]
	return found && (!hasAnchor || slices.Contains(has, anchor))
}

// anchorsOf returns the anchors of the headings of a page, as GitHub names them.
func anchorsOf(text string) (anchors []string) {
	used := make(map[string]int)
	for line := range strings.Lines(text) {
		heading := strings.TrimLeft(line, "#")
		if heading == line || !strings.HasPrefix(heading, " ") {
			continue
		}
		slug := strings.ToLower(strings.TrimSpace(heading))
		slug = notInSlug.ReplaceAllString(slug, "")
		slug = strings.ReplaceAll(slug, " ", "-")
		anchor := slug
		if n := used[slug]; n > 0 {
			anchor = fmt.Sprintf("%s-%d", slug, n)
		}
		used[slug]++
		anchors = append(anchors, anchor)
	}
	return anchors
}

// TestGrpcurlExamplesParse checks that the data of all examples for grpcurl are requests of their
// RPCs.
func TestGrpcurlExamplesParse(t *testing.T) {
	data := regexp.MustCompile(`(?s)\n  -d '([^']*)' \\\n  "\$ADDRESS" (\S+)/(\S+)\n`)
	calls := 0
	for _, c := range references(t) {
		descriptors := filesOf(t, c.request)
		for file, text := range c.pages {
			if path.Ext(file) != ".md" {
				continue
			}
			for _, example := range data.FindAllStringSubmatch(text, -1) {
				calls++
				input := inputOf(t, descriptors, example[2], example[3])
				// Grpcurl takes a mask as an object, and protojson as a text.
				text := maskObject.ReplaceAllStringFunc(example[1], func(mask string) string {
					words := strings.Split(maskObject.FindStringSubmatch(mask)[1], "_")
					for i := 1; i < len(words); i++ {
						words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
					}
					return `"` + strings.Join(words, "") + `"`
				})
				for decoder := json.NewDecoder(strings.NewReader(text)); ; {
					var raw json.RawMessage
					if err := decoder.Decode(&raw); err == io.EOF {
						break
					} else if err != nil {
						t.Fatalf("%s: %s: %v\n%s", c.name, file, err, example[1])
					}
					if err := protojson.Unmarshal(raw, dynamicpb.NewMessage(input)); err != nil {
						t.Errorf("%s: %s: %v\n%s", c.name, file, err, raw)
					}
				}
			}
		}
	}
	if calls < 300 {
		t.Errorf("there are %d examples", calls)
	}
}

// filesOf returns the descriptors of a request.
func filesOf(t *testing.T, request *pluginpb.CodeGeneratorRequest) *protoregistry.Files {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	for _, file := range request.ProtoFile {
		file = proto.CloneOf(file)
		file.SourceCodeInfo = nil
		set.File = append(set.File, file)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// inputOf returns the request message of an RPC.
func inputOf(t *testing.T, files *protoregistry.Files, service, rpc string) protoreflect.MessageDescriptor {
	t.Helper()
	found, err := files.FindDescriptorByName(protoreflect.FullName(service + "." + rpc))
	if err != nil {
		t.Fatal(err)
	}
	return found.(protoreflect.MethodDescriptor).Input()
}

// referencesDir is the directory of the module of generated code with the examples in Go.
const referencesDir = "references"

// writeReferences writes the examples in Go of all references as files of one package.
func writeReferences(t *testing.T, module goModule) {
	t.Helper()
	files := make(map[string]string)
	for _, c := range references(t) {
		if strings.HasPrefix(c.name, "templates") {
			continue // its own templates may declare other names
		}
		for _, file := range slices.Sorted(maps.Keys(c.pages)) {
			if code := goExamples(c.pages[file], fmt.Sprint("use", len(files))); path.Ext(file) == ".md" && code != "" && !strings.Contains(code, "/internal/") {
				files[fmt.Sprintf("%s/%s_%d.go", referencesDir, c.name, len(files))] = code
			}
		}
	}
	writeTree(t, module.dir, files)
}

// goExamples returns the examples in Go of a page as the file of a package, or "".
func goExamples(page, name string) string {
	var blocks []string
	for i, part := range strings.Split(page, "\n```go\n") {
		if i > 0 {
			block, _, _ := strings.Cut(part, "\n```")
			blocks = append(blocks, block)
		}
	}
	if len(blocks) < 3 {
		return ""
	}
	imports, connect := blocks[len(blocks)-1], blocks[len(blocks)-2]
	var b strings.Builder
	fmt.Fprintf(&b, "package references\n\n%s\n\nimport \"context\"\n\nfunc %s(ctx context.Context) error {\n%s\n", imports, name, connect)
	for _, block := range blocks[:len(blocks)-2] {
		fmt.Fprintf(&b, "if err := func() error {\n%s\nreturn nil\n}(); err != nil {\nreturn err\n}\n", block)
	}
	b.WriteString("return nil\n}\n")
	return b.String()
}

// TestGoExamplesCompile compiles the examples in Go of all references.
func TestGoExamplesCompile(t *testing.T) {
	generatedModule(t).mustRun(t, "go", "build", "./"+referencesDir)
}
