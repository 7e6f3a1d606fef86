package skeleton

import (
	"path"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// merger is the state of one call of Merge.
type merger struct {
	*world
	in       Package
	services []Service
	asserted []assertion
	owners   map[string][]Service // the services of each type
	edits    []*edit
	docMade  bool

	files    map[string][]byte
	problems diag.List
}

// assertion is a declaration such as
//
//	var _ libraryv1service.BookService = (*Books)(nil)
type assertion struct {
	typ   string // Books
	iface named
	value bool // Books implements it, not only *Books
}

// edit is the change of one file.
type edit struct {
	dir, name string
	file      *file // nil for a new one
	test      bool
	outside   bool // of package X_test
	pieces    []piece
}

// piece is a piece of code.
type piece struct {
	method *Method // nil for other declarations
	name   string  // the declared name, as in Decl
	typ    string  // the type of a method
	render func(golang.Frame) (string, error)
}

func (e *edit) path() string { return path.Join(e.dir, e.name) }

func (m *merger) newEdit(name string) *edit {
	e := &edit{dir: m.in.Dir, name: name}
	m.edits = append(m.edits, e)
	return e
}

// editOf returns the edit of an existing file.
func (m *merger) editOf(f *file) *edit {
	for _, e := range m.edits {
		if e.file == f {
			return e
		}
	}
	e := m.newEdit(f.name)
	e.file = f
	return e
}
