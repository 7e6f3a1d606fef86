package skeleton

import (
	"path"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// merger does the work of one Merge.
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
	value bool // it is of Books and not of *Books
}

// edit is what is to be added to one file.
type edit struct {
	dir, name string
	file      *file // nil for a new one
	test      bool
	outside   bool // it is of package X_test
	pieces    []piece
}

// piece is a piece of code.
type piece struct {
	method *Method // nil for other declarations
	name   string  // what it declares, as Decl has it
	typ    string  // the type that it is of
	render func(golang.Frame) (string, error)
}

func (e *edit) path() string { return path.Join(e.dir, e.name) }

func (m *merger) newEdit(name string) *edit {
	e := &edit{dir: m.in.Dir, name: name}
	m.edits = append(m.edits, e)
	return e
}

// editOf returns the edit of a file that is there.
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
