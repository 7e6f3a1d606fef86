package mcp_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

var update = flag.Bool("update", false, "write the golden files")

// TestTools compares what agents see of the tools with the golden files.
func TestTools(t *testing.T) {
	f := start(t)
	listed, err := f.agent(t, "").ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range listed.Tools {
		names = append(names, tool.Name)
		data, err := json.MarshalIndent(tool, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", tool.Name+".json")
		if *update {
			if err := os.WriteFile(path, append(data, '\n'), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(data)+"\n" != string(want) {
			t.Errorf("%s differs from %s; run the test with -update and read the difference", tool.Name, path)
		}
	}
	want := []string{"create_book", "echo", "get_book", "import_books", "list_books", "update_book", "watch_books"}
	if len(names) != len(want) {
		t.Errorf("the tools are %v, want %v", names, want)
	}
}

// TestResultsFitTheirSchemas validates arguments and results by the schemas, as agents do.
func TestResultsFitTheirSchemas(t *testing.T) {
	f := start(t)
	agent := f.agent(t, "ann:books.read,books.write")
	listed, err := agent.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tools := make(map[string]*sdk.Tool)
	for _, tool := range listed.Tools {
		tools[tool.Name] = tool
	}
	go func() { f.step <- -1 }()
	for _, c := range []struct{ tool, arguments string }{
		{"get_book", `{"name": "books/1"}`},
		{"create_book", `{"book": {"title": "A", "cover": "COVER_PAPER"}}`},
		{"update_book", `{"book": {"title": "A"}, "update_mask": "title,cover"}`},
		{"list_books", `{"page_size": 3}`},
		{"watch_books", `{"events": 2}`},
		{"import_books", `{"source": "a"}`},
		{"echo", `{}`},
		{"echo", `{"text": "a", "data": "AAA=", "on": true, "small": -5, "large": "-9223372036854775808", "small_unsigned": 4294967295,
			"large_unsigned": "18446744073709551615", "fraction": 1.5, "cover": "COVER_LINEN", "texts": ["a"],
			"books": {"x": {"title": "A"}}, "numbers": {"-5": "five"}, "tree": {"children": [{"children": [{"label": "leaf"}]}]},
			"word": "w", "maybe": 0, "at": "2026-01-02T03:04:05Z", "lasting": "1.5s", "object": {"a": [1, null]}, "anything": [true],
			"list": [1, "a"], "packed": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}, "wrapped": "w",
			"nothing": null, "old": "o"}`},
		{"echo", `{"node": {"label": "n"}}`},
	} {
		check(t, c.tool+": the arguments", tools[c.tool].InputSchema, json.RawMessage(c.arguments))
		result := call(t, agent, c.tool, c.arguments)
		if result.IsError {
			t.Errorf("%s(%s): %s", c.tool, c.arguments, textOf(result))
			continue
		}
		check(t, c.tool+": the result", tools[c.tool].OutputSchema, result.StructuredContent)
	}
}

// check validates a value by a schema.
func check(t *testing.T, what string, schema, value any) {
	t.Helper()
	var of jsonschema.Schema
	var plain any
	convert(t, schema, &of)
	convert(t, value, &plain)
	resolved, err := of.Resolve(nil)
	if err == nil {
		err = resolved.Validate(plain)
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func convert(t *testing.T, from, to any) {
	t.Helper()
	data, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}
