package grpcprom

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestMetricsAreDocumented compares the tables of docs/observability.md with the code.
func TestMetricsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string]string{"calls": callTable(t), "servers": serverTable()} {
		if !strings.Contains(string(text), table) {
			t.Errorf("docs/observability.md lacks the table of %s:\n%s", name, table)
		}
	}
}

const tableHead = "| Metric | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n"

var descText = regexp.MustCompile(`^Desc{fqName: "(.*)", help: "(.*?)"(?:, unit: ".*")?, constLabels: {}, variableLabels: {(.*)}}$`)

// callTable returns the table of the metrics of calls. All of them are in callNames.
func callTable(t *testing.T) string {
	m := New()
	descs := make(chan *prometheus.Desc, 100)
	m.Describe(descs)
	close(descs)
	table, n := tableHead, 0
	for desc := range descs {
		parts := descText.FindStringSubmatch(desc.String())
		if parts == nil || !slices.Contains(callNames, parts[1]) {
			t.Fatalf("unexpected: %v", desc)
		}
		n++
		kind := "counter"
		if strings.HasSuffix(parts[1], "_seconds") {
			kind = "histogram"
		}
		table += row(parts[1], kind, strings.Split(parts[3], ","), parts[2])
	}
	if n != len(callNames) {
		t.Errorf("%d metrics are described, want %d", n, len(callNames))
	}
	return table
}

// serverTable returns the table of the metrics of servers.
func serverTable() string {
	table := tableHead
	for _, desc := range server.New().Metrics() {
		kind := "gauge"
		if desc.Kind == metric.Counter {
			kind = "counter"
		}
		table += row(desc.Name, kind, desc.Labels, desc.Help)
	}
	return table
}

func row(name, kind string, labels []string, help string) string {
	text := strings.Join(labels, "`, `")
	if text != "" {
		text = "`" + text + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, kind, text, strings.ReplaceAll(help, `\"`, `"`))
}
