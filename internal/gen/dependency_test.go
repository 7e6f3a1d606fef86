package gen

import (
	"go/format"
	"slices"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
)

// rooms returns a service with two generic dependencies: one without a store and one with a store.
func rooms() model.Implementation {
	message := golang.Ident{Name: "Message", Package: "chatv1", Path: "example.com/chat/v1"}
	helper := func(name, typ, store string) *model.Helper {
		return &model.Helper{Dependency: &model.Dependency{
			Types: []golang.Ident{message},
			Dependency: pattern.Dependency{
				Name: name, Package: pattern.Package{Name: "meet", Path: "example.com/meet"},
				Type: typ, New: "New" + typ, Store: store, Doc: "with " + name, TODO: "Share " + name + ".",
			},
		}}
	}
	return model.Implementation{
		Service: model.Service{Name: "Chat", FullName: "chat.v1.Chat", Methods: []model.Method{
			{GoName: "Talk", Helper: helper("rooms", "Hub", "")}, {GoName: "Read", Helper: helper("events", "Log", "Memory")},
		}, Names: model.Names{
			Interface: golang.Ident{Name: "Chat", Package: "chatv1service", Path: "example.com/chat/v1service"},
			Register:  golang.Ident{Name: "RegisterChat", Package: "chatv1service", Path: "example.com/chat/v1service"},
			Check:     "CheckChat",
		}},
		Type: "Chat", Constructor: "NewChat", Test: model.Output{Package: "chatv1test", Path: "example.com/chat/v1test"},
	}
}

// TestDependencies checks the starter code of a service with generic dependencies.
func TestDependencies(t *testing.T) {
	templates, err := LoadTemplates()
	if err != nil {
		t.Fatal(err)
	}
	frame := golang.Frame{
		Receiver: "s", Type: "*Chat", New: true,
		Ident: func(id golang.Ident) string { return id.Package + "." + id.Name },
		Own:   func(name string) string { return name },
	}
	for piece, want := range map[string]string{
		"type": `// Chat implements [chatv1service.Chat].
type Chat struct {
	rooms  *meet.Hub[chatv1.Message]
	events *meet.Log[chatv1.Message]
}`,
		"constructor": `// NewChat returns a Chat with rooms and with events.
func NewChat(rooms *meet.Hub[chatv1.Message], events *meet.Log[chatv1.Message]) *Chat {
	s := &Chat{rooms: rooms, events: events}
	return s
}`,
		"test": `// TestChat checks that Chat keeps the contract of every service, whatever callers send.
func TestChat(t *testing.T) {
	chatv1test.CheckChat(t, NewChat(meet.NewHub[chatv1.Message](), meet.NewLog[chatv1.Message](meet.Memory())))
}`,
	} {
		got, err := templates.Implementation(piece, rooms(), frame)
		if err != nil {
			t.Fatal(err)
		}
		formatted, err := format.Source([]byte(got))
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(formatted)) != want {
			t.Errorf("%s:\n%s\nwant:\n%s", piece, formatted, want)
		}
	}
}

// TestAppOfDependencies checks that main.go creates each dependency once, even if several
// constructors take it.
func TestAppOfDependencies(t *testing.T) {
	templates, err := LoadTemplates()
	if err != nil {
		t.Fatal(err)
	}
	impl := rooms()
	chat := model.AppService{
		Implementation: impl, New: golang.Ident{Name: "NewChat", Package: "events", Path: "example.com/events"},
		CanMake: true, Arguments: impl.Dependencies(),
	}
	content, err := templates.App(model.App{
		Command: "server", Package: golang.Ident{Package: "events", Path: "example.com/events"},
		Services: []model.AppService{chat, chat},
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, count := range map[string]int{
		"\trooms := meet.NewHub[chatv1.Message]()               // TODO: Share rooms.\n":  1,
		"\tevents := meet.NewLog[chatv1.Message](meet.Memory()) // TODO: Share events.\n": 1,
		"\tchatv1service.RegisterChat(srv, eventspb.NewChat(rooms, events))\n":            2,
	} {
		if got := strings.Count(string(content), text); got != count {
			t.Errorf("main.go has %q %d times, want %d:\n%s", text, got, count, content)
		}
	}
}

// TestDependencyNames checks that no dependency has the name of a package or identifier that
// starter code uses.
func TestDependencyNames(t *testing.T) {
	taken := slices.Concat(locals, appNames)
	for _, p := range table.Packages() {
		taken = append(taken, p.Name)
	}
	for _, p := range table.Patterns() {
		if d := p.Needs.Dependency; d != nil && slices.Contains(taken, d.Name) {
			t.Errorf("%s: the dependency is called %s, which starter code declares or imports", p.Name, d.Name)
		}
	}
}
