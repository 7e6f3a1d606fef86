package scaffold

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"path"
	"strings"
	"text/template"
)

//go:embed all:files
var templates embed.FS

// repository is a new repository: what templates see.
type repository struct {
	names
	Version  string // of grpcservice
	Postgres bool   // keep items in PostgreSQL
	Deploy   bool   // all manifests
}

// JSONField returns the name of the field in JSON.
func (r repository) JSONField() string { return jsonName(r.Field) }

// source is a file of the repository and its template, without .tmpl.
type source struct{ path, template string }

// sources returns the files that are templates. Those of tools are complete: they depend on no
// version of grpcservice, and to resolve buf, the go command would download its dependencies.
func (r repository) sources() []source {
	all := []source{
		{"proto/" + r.Proto, "service.proto"},
		{"buf.yaml", "common/buf.yaml"}, {"buf.gen.yaml", "common/buf.gen.yaml"},
		{"go.mod", "common/go.mod"}, {"tools/go.mod", "common/tools/go.mod"}, {"tools/go.sum", "common/tools/go.sum"},
		{".gitignore", "common/.gitignore"}, {".gitattributes", "common/.gitattributes"}, {".github/workflows/ci.yml", "common/.github/workflows/ci.yml"},
		{"Makefile", "common/Makefile"}, {"README.md", "common/README.md"},
		{r.serviceFile(".go"), "memory/service.go"}, {r.serviceFile("_test.go"), "memory/service_test.go"},
	}
	return all
}

// postgresSources returns the files that replace others, or are added, for a database.
func (r repository) postgresSources() []source {
	return []source{
		{r.serviceFile(".go"), "postgres/service.go"}, {r.serviceFile("_test.go"), "postgres/service_test.go"},
		{"internal/database/database.go", "postgres/database.go"}, {"internal/database/schema.sql", "postgres/schema.sql"},
		{"compose.yaml", "postgres/compose.yaml"},
	}
}

func (r repository) serviceFile(suffix string) string { return "internal/service/" + r.File + suffix }

// render executes a template.
func render(name string, data repository) ([]byte, error) {
	text, err := templates.ReadFile("files/" + name + ".tmpl")
	if err != nil {
		return nil, err
	}
	parsed, err := template.New(name).Delims("«", "»").Parse(string(text))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return nil, err
	}
	if path.Ext(name) != ".go" {
		return out.Bytes(), nil
	}
	code, err := format.Source(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return code, nil
}

// edit is a change of a generated file: old occurs in it once.
type edit struct{ path, old, new string }

// edits returns the changes of what the plugin generates that make it the program of this
// repository.
func (r repository) edits() []edit {
	const main = "cmd/server/main.go"
	all := []edit{{
		main, "\n		// server.WithReflection() lets grpcurl list and describe the services; omit it on a public server.\n	}\n",
		"	}\n	if getenv(\"REFLECTION\") == \"true\" { // lets grpcurl list and describe the services\n" +
			"		options = append(options, server.WithReflection())\n	}\n",
	}, {
		main, "//	LOG_LEVEL ", "//	REFLECTION                true for grpcurl; leave it out on a public server\n//	LOG_LEVEL ",
	}}
	if !r.Postgres {
		return all
	}
	service := fmt.Sprintf("\"%s/internal/service\"\n", r.Module)
	register := fmt.Sprintf("	%sservice.Register%s(srv, service.New%s(", r.GoPackage, r.Type, r.Type)
	all = append(all,
		edit{main, "//	REFLECTION ", "//	DATABASE_URL              the database, such as postgres://user:password@host/name\n//	REFLECTION "},
		edit{main, service, strings.Replace(service, "/service", "/database", 1) + "	" + service},
		edit{main, register, "	pool, err := database.Open(ctx, getenv(\"DATABASE_URL\"))\n	if err != nil {\n" +
			"		return fmt.Errorf(\"DATABASE_URL: %w\", err)\n	}\n	defer pool.Close()\n" + register + "pool"},
	)
	if r.Deploy {
		const first = "        env:\n"
		all = append(all, edit{"deploy/kubernetes/deployment.yaml", first, first +
			"        # kubectl create secret generic " + r.App + "-database --from-literal=url=postgres://…\n" +
			"        - name: DATABASE_URL\n          valueFrom:\n            secretKeyRef:\n" +
			"              name: " + r.App + "-database\n              key: url\n"})
	}
	return all
}

// apply changes the content of the file of an edit.
func (e edit) apply(content []byte) ([]byte, error) {
	if n := bytes.Count(content, []byte(e.old)); n != 1 {
		return nil, fmt.Errorf("%s has %q %d times instead of once", e.path, e.old, n)
	}
	return bytes.Replace(content, []byte(e.old), []byte(e.new), 1), nil
}
