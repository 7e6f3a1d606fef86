package skeleton

import (
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// newFile returns the content of a new file.
func (m *merger) newFile(e *edit, t *table, texts []string) []byte {
	var b strings.Builder
	name := m.own.name
	if e.outside {
		name += "_test"
	}
	if doc := m.doc(e); doc != "" {
		b.WriteString(doc)
	}
	b.WriteString("package " + name + "\n\n")
	if standard, others := t.lines(); len(standard)+len(others) > 0 {
		b.WriteString("import (\n" + joinGroups(standard, others) + ")\n\n")
	}
	b.WriteString(strings.Join(texts, "\n\n") + "\n")
	text, err := golang.Format([]byte(b.String()))
	if err != nil {
		m.problems.Errorf(diag.At(e.path()), "the template's code is not a valid file: %s", oneLine(err.Error()))
		return nil
	}
	return text
}

// doc returns the comment of a new package. An existing package keeps what it has.
func (m *merger) doc(e *edit) string {
	if e.test || m.docMade || len(m.own.files) > 0 {
		return ""
	}
	m.docMade = true
	var b strings.Builder
	for _, line := range m.in.Doc {
		b.WriteString(strings.TrimRight("// "+line, " ") + "\n")
	}
	return b.String()
}
