package roles_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/roles"
	"github.com/grpcservice/grpcservice/runtime/server"
)

const shop = `
version: v1
roles:
  viewer: [orders.get, orders.list]
  clerk: ["orders.*", "shops:sell"]
  admin: ["*"]
bindings:
  - role: clerk
    scopes: [shop.clerk]
    resources: ["shops/*", "shops/*/orders/*"]
  - role: viewer
    principals: ["https://id.example.com#*"]
    resources: ["users/{principal}/orders/*"]
  - role: viewer
    principals: [ada, "spiffe://example.org/ns/shop/*"]
    resources: ["shops/a/**"]
  - role: admin
    principals: ["https://id.example.com#*"]
    scopes: [root]
    resources: ["**"]
`

func parse(t *testing.T, content string) *roles.Roles {
	t.Helper()
	r, err := roles.Parse([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBindings(t *testing.T) {
	r := parse(t, shop)
	clerk := runtime.NewPrincipal("bob", "shop.clerk")
	ada := runtime.NewPrincipal("ada")
	user := runtime.NewPrincipal("https://id.example.com#eve")
	for _, test := range []struct {
		principal            *runtime.Principal
		permission, resource string
		want                 bool
	}{
		{clerk, "orders.cancel", "shops/a/orders/1", true},
		{clerk, "orders.items.add", "shops/a/orders/1", true},
		{clerk, "shops:sell", "shops/a", true},
		{clerk, "orders", "shops/a", false},
		{clerk, "ordersx.get", "shops/a", false},
		{clerk, "shops.delete", "shops/a", false},
		{clerk, "orders.get", "shops/a/orders", false},
		{clerk, "orders.get", "shops/a/orders/1/items/2", false},
		{clerk, "orders.get", "users/eve/orders/1", false},
		{ada, "orders.get", "shops/a/orders/1", true},
		{ada, "orders.get", "shops/a/orders/1/items/2", true},
		{ada, "orders.get", "shops/a", false}, // ** is what is below
		{ada, "orders.get", "shops/ab/orders/1", false},
		{ada, "orders.cancel", "shops/a/orders/1", false},
		{user, "orders.get", "users/eve/orders/1", true},
		{user, "orders.get", "users/bob/orders/1", false},
		{user, "shops.delete", "shops/a", false}, // without the scope
		{runtime.NewPrincipal("https://id.example.com#eve", "root"), "shops.delete", "shops/a", true},
		{runtime.NewPrincipal("https://id.example.org#eve", "root"), "shops.delete", "shops/a", false},
		{runtime.NewPrincipal("spiffe://example.org/ns/shop/sa/worker"), "orders.get", "shops/a/orders/1", true},
		{runtime.NewPrincipal("spiffe://example.org/ns/shop/"), "orders.get", "shops/a/orders/1", false},
		{runtime.NewPrincipal("spiffe://example.org/ns/shopping"), "orders.get", "shops/a/orders/1", false},
		{runtime.NewPrincipal("carl"), "orders.get", "shops/a/orders/1", false},
		{runtime.NewPrincipal(""), "orders.get", "shops/a/orders/1", false},
		{nil, "orders.get", "shops/a/orders/1", false},
	} {
		if got := r.Has(test.principal, test.permission, test.resource); got != test.want {
			t.Errorf("%v, %s on %s: %v, want %v", test.principal, test.permission, test.resource, got, test.want)
		}
	}
}

// TestAbusedNames holds that nothing is granted on a name that another program might read as
// another one, and that no principal's ID widens a pattern.
func TestAbusedNames(t *testing.T) {
	r := parse(t, shop)
	all := runtime.NewPrincipal("https://id.example.com#eve", "root", "shop.clerk")
	for _, name := range []string{
		"", "/", "//", "shops/a/", "/shops/a/orders/1", "shops//a", "shops/a//orders/1",
		"shops/a/../b/orders/1", "shops/./a", "shops/a/orders/..", "..", ".",
		"shops/a%2forders/1", "shops/a%2F..%2Fb", "shops%2fa", "shops/%2e%2e/b", "shops/a%00", "shops/a%252f",
		`shops\a`, `shops/a\..\b`, "shops/a\x00/orders/1", "shops/a\n", "shops/a b", " shops/a", "shops/a\t",
		"shops/\u202ea", "shops/a\u200b", "shops/\u00a0", "shops/\ufeffa", "shops/a\u2028", "shops/\xff", "shops/a\x7f",
		"shops/" + strings.Repeat("x", 5000),
	} {
		if r.Has(all, "orders.get", name) {
			t.Errorf("granted on %.60q", name)
		}
	}
	for _, name := range []string{"shops/a", "shops/-", "shops/é", "shops/a..b", "shops/...", "shops/a:cancel", "shops/a~b", "shops/a,b"} {
		if !r.Has(all, "orders.get", name) {
			t.Errorf("not granted on %q", name)
		}
	}
	for _, id := range []string{"*", "..", "", "a/b", "%2e", "{principal}", "**"} {
		user := runtime.NewPrincipal("https://id.example.com#" + id)
		for _, name := range []string{"users/" + id + "/orders/1", "users/bob/orders/1", "users/orders/1", "users//orders/1"} {
			if got := r.Has(user, "orders.get", name); got && name != "users/*/orders/1" && name != "users/{principal}/orders/1" && name != "users/**/orders/1" {
				t.Errorf("%q: granted on %q", id, name)
			}
		}
	}
}

// TestMistakes has every mistake of a file, with its position.
func TestMistakes(t *testing.T) {
	const head = "version: v1\nroles: {a: [x.y]}\nbindings:\n"
	for name, test := range map[string]struct{ content, want string }{
		"empty":                 {"", `the file is empty; want "version: v1", roles and bindings`},
		"comments only":         {"# nothing\n", "the file is empty"},
		"not YAML":              {"version: v1\nroles: [", "roles: 3:1: did not find expected node content"},
		"a list":                {"- a\n", "1:1: the file is a list; want a mapping with version, roles, bindings"},
		"no version":            {"roles: {a: [x]}\n", `1:1: there is no version; want "version: v1"`},
		"another version":       {"version: v2\n", `1:10: version: "v2" is not supported; want v1`},
		"two documents":         {"version: v1\n---\nversion: v1\n", "the file has a second document; want exactly one"},
		"an unknown field":      {"version: v1\nrols: {}\n", `2:1: there is no field "rols"; want one of version, roles, bindings`},
		"a field twice":         {"version: v1\nversion: v1\n", "set twice"},
		"a role twice":          {"version: v1\nroles:\n  a: [x]\n  a: [y]\n", "4:3: "},
		"roles are a list":      {"version: v1\nroles: [a]\n", "2:8: roles is a list; want a mapping of names to lists of permissions"},
		"no permissions":        {"version: v1\nroles: {a: []}\n", "2:12: a: the list is empty; add an element, or remove a"},
		"null permissions":      {"version: v1\nroles:\n  a:\n", "a is empty; want a list"},
		"a number":              {"version: v1\nroles: {a: [7]}\n", `2:13: a permission of a: "7" is not a string; put it in quotes`},
		"a permission twice":    {"version: v1\nroles: {a: [x.y, x.y]}\n", `2:18: a has the permission "x.y" twice; remove one of them`},
		"a star within":         {"version: v1\nroles: {a: [\"x*\"]}\n", `2:13: "x*" is not a permission; write it as in "orders.cancel", "orders.*" or "*"`},
		"a star first":          {"version: v1\nroles: {a: [\"*.get\"]}\n", `2:13: "*.get" is not a permission`},
		"two separators":        {"version: v1\nroles: {a: [x..y]}\n", `"x..y" is not a permission`},
		"a space":               {"version: v1\nroles: {a: [x y]}\n", `"x y" is not a permission`},
		"an anchor":             {"version: v1\nroles: {a: &p [x.y], b: *p}\n", "2:12: a: anchors and aliases are not supported; write out the value"},
		"a merge":               {"version: v1\nroles: {<<: {a: [x]}}\n", `2:9: the name of a role: "<<" is not a string`},
		"a tag":                 {"version: v1\nroles: {a: [!!binary eC55]}\n", "is not a string"},
		"no role":               {head + "  - {scopes: [s], resources: [\"**\"]}\n", "4:5: the binding has no role; name one of roles"},
		"an unknown role":       {head + "  - {role: b, scopes: [s], resources: [\"**\"]}\n", `4:12: there is no role "b"; define it under roles`},
		"for nobody":            {head + "  - {role: a, resources: [\"**\"]}\n", `4:5: the binding is for nobody; add principals or scopes`},
		"for no principals":     {head + "  - {role: a, principals: [], resources: [\"**\"]}\n", "4:27: principals: the list is empty"},
		"an empty principal":    {head + "  - {role: a, principals: [\"\"], resources: [\"**\"]}\n", "4:28: an element of principals: empty is not a string"},
		"a star in a principal": {head + "  - {role: a, principals: [\"a*b\"], resources: [\"**\"]}\n", `4:28: "a*b" has a star before its end`},
		"for no resources":      {head + "  - {role: a, scopes: [s]}\n", `4:5: the binding is for no resource; add resources, such as resources: ["**"] for all`},
		"an empty segment":      {head + "  - {role: a, scopes: [s], resources: [\"shops//a\"]}\n", `4:40: "shops//a" matches nothing: it has an empty segment`},
		"dots":                  {head + "  - {role: a, scopes: [s], resources: [\"shops/..\"]}\n", `4:40: "shops/.." matches nothing: it has the segment "." or ".."`},
		"an encoded slash":      {head + "  - {role: a, scopes: [s], resources: [\"shops%2Fa\"]}\n", `4:40: "shops%2Fa" matches nothing: it has a percent sign`},
		"stars within":          {head + "  - {role: a, scopes: [s], resources: [\"shops/**/a\"]}\n", `4:40: "shops/**/a" has ** before its end`},
		"part of a segment":     {head + "  - {role: a, scopes: [s], resources: [\"shops/a*\"]}\n", `4:40: "shops/a*" has the segment "a*"; a segment is a text, *, ** or {principal}`},
		"an unknown variable":   {head + "  - {role: a, scopes: [s], resources: [\"users/{user}\"]}\n", `has the segment "{user}"`},
		"a scope twice":         {head + "  - {role: a, scopes: [s, s], resources: [\"**\"]}\n", `4:27: "s" is listed twice in scopes`},
		"a typo":                {head + "  - {role: a, scope: [s], resources: [\"**\"]}\n", `4:15: there is no field "scope"; want one of role, principals, scopes, resources`},
		"too large":             {strings.Repeat("#\n", 1<<20), "use at most 1048576"},
		"deep":                  {"version: v1\nroles: " + strings.Repeat("[", 50_000) + "\n", "exceeded max depth"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := roles.Parse([]byte(test.content))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestManyMistakesAreListed(t *testing.T) {
	_, err := roles.Parse([]byte("version: v1\nroles:\n" + strings.Repeat("  7: [x]\n", 30)))
	if err == nil || strings.Count(err.Error(), "\n") != 20 || !strings.HasSuffix(err.Error(), "and 10 more") {
		t.Errorf("got %v", err)
	}
}

// write replaces a file as editors do: by a rename.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestReload changes the file while goroutines ask.
func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "roles.yaml")
	write(t, path, shop)
	var log syncBuffer
	r, err := roles.Open(path, roles.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if err != nil {
		t.Fatal(err)
	}
	ada, stop := runtime.NewPrincipal("ada"), make(chan struct{})
	var wg sync.WaitGroup
	authorize := r.Bind(runtime.MethodInfo{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				allowed := make([]bool, 2)
				err := authorize(context.Background(), server.Access{
					Principal: ada, Permission: "orders.get", Resources: []string{"shops/a/orders/1", "shops/z/orders/1"},
				}, allowed)
				if err != nil || !allowed[0] || allowed[1] {
					t.Errorf("%v, %v", allowed, err)
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	for range 5 {
		write(t, path, shop+"# changed\n")
		if err := r.Check(); err != nil {
			t.Error(err)
		}
		write(t, path, "version: v1\nroles: {a: [x*]}\n") // the roles stay
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), path+`:2:13: "x*" is not a permission`) {
			t.Errorf("Check: %v", err)
		}
		_ = os.Remove(path)
		if err := r.Check(); err == nil {
			t.Error("a missing file is no error")
		}
	}
	close(stop)
	wg.Wait()
	write(t, path, "version: v1\n")
	if err := r.Check(); err != nil || r.Has(ada, "orders.get", "shops/a/orders/1") {
		t.Errorf("Check: %v; a file without bindings grants", err)
	}
	if text := log.String(); !strings.Contains(text, "the roles have changed") || !strings.Contains(text, "the roles stay as they are") {
		t.Errorf("the log has %s", text)
	}
	if _, err := roles.Open(path + ".none"); err == nil {
		t.Error("a missing file opens")
	}
}

// syncBuffer is a buffer that goroutines may write to.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestBindWarnsOfPermissionsWithoutARole finds the typo in a permission's name.
func TestBindWarnsOfPermissionsWithoutARole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "roles.yaml")
	write(t, path, "version: v1\nroles: {a: [orders.get]}\n")
	var log syncBuffer
	r, err := roles.Open(path, roles.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"orders.get": false, "order.get": true, "": false} {
		r.Bind(runtime.MethodInfo{FullMethod: "/s/" + name, Policy: runtime.Policy{Permission: runtime.Permission{Name: name}}})
		if got := strings.Contains(log.String(), "method=/s/"+name+" "); got != want {
			t.Errorf("%q: warned %v", name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(shop)
	f.Add("version: v1\nroles: {a: &x [b.*]}\nbindings: [{role: a, principals: [\"*\"], resources: [\"{principal}/**\"]}]")
	f.Fuzz(func(t *testing.T, content string) {
		r, err := roles.Parse([]byte(content))
		if err != nil {
			return
		}
		r.Has(runtime.NewPrincipal("ada", "s"), "orders.get", "shops/a")
	})
}

// FuzzMatch holds that a pattern never matches a name outside of it, whatever principal asks.
func FuzzMatch(f *testing.F) {
	r, err := roles.Parse([]byte("version: v1\nroles: {a: [\"*\"]}\nbindings:\n" +
		"  - {role: a, principals: [\"i#*\"], resources: [\"users/{principal}/*\", \"shops/a/**\"]}\n"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("eve", "users/eve/1")
	f.Add("..", "users/../1")
	f.Add("a/b", "shops/a/../b")
	f.Fuzz(func(t *testing.T, subject, name string) {
		if !r.Has(runtime.NewPrincipal("i#"+subject), "x", name) {
			return
		}
		if filepath.ToSlash(filepath.Clean(name)) != name || strings.ContainsAny(name, "%\\ \x00") {
			t.Errorf("granted on %q", name)
		}
		if !strings.HasPrefix(name, "shops/a/") && (subject == "" || !strings.HasPrefix(name, "users/"+subject+"/") || strings.Count(name, "/") != 2) {
			t.Errorf("%q: granted on %q", subject, name)
		}
	})
}
