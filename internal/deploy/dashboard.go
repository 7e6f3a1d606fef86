package deploy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// grafanaDashboard is a dashboard in the classic JSON schema of Grafana, which all its versions
// load.
type grafanaDashboard struct {
	UID           string     `json:"uid"`
	Title         string     `json:"title"`
	Tags          []string   `json:"tags"`
	Editable      bool       `json:"editable"`
	SchemaVersion int        `json:"schemaVersion"`
	Refresh       string     `json:"refresh"`
	Time          timeRange  `json:"time"`
	Tooltip       int        `json:"graphTooltip"`
	Templating    templating `json:"templating"`
	Panels        []panel    `json:"panels"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type templating struct {
	List []variable `json:"list"`
}

type variable struct {
	Name       string      `json:"name"`
	Label      string      `json:"label"`
	Type       string      `json:"type"`
	Query      string      `json:"query"`
	Datasource *datasource `json:"datasource,omitempty"`
	Refresh    int         `json:"refresh"`
	Sort       int         `json:"sort,omitempty"`
	Multi      bool        `json:"multi"`
	IncludeAll bool        `json:"includeAll"`
	AllValue   string      `json:"allValue,omitempty"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type panel struct {
	ID          int          `json:"id"`
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	Datasource  *datasource  `json:"datasource,omitempty"`
	GridPos     gridPos      `json:"gridPos"`
	Targets     []target     `json:"targets,omitempty"`
	FieldConfig *fieldConfig `json:"fieldConfig,omitempty"`
}

type gridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type target struct {
	RefID        string `json:"refId"`
	Expr         string `json:"expr"`
	LegendFormat string `json:"legendFormat"`
}

type fieldConfig struct {
	Defaults  fieldDefaults `json:"defaults"`
	Overrides []struct{}    `json:"overrides"`
}

type fieldDefaults struct {
	Unit       string      `json:"unit"`
	Min        *float64    `json:"min,omitempty"`
	Thresholds *thresholds `json:"thresholds,omitempty"`
	Custom     *drawing    `json:"custom,omitempty"`
}

// drawing draws the last threshold as a dashed line.
type drawing struct {
	ThresholdsStyle thresholdsStyle `json:"thresholdsStyle"`
}

type thresholdsStyle struct {
	Mode string `json:"mode"`
}

type thresholds struct {
	Mode  string          `json:"mode"`
	Steps []thresholdStep `json:"steps"`
}

type thresholdStep struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// prometheusSource is the data source that the variable datasource selects.
var prometheusSource = datasource{"prometheus", "${datasource}"}

// dashboard returns the dashboard of app as JSON. Its size does not depend on the methods, which
// are variables.
func dashboard(app App) ([]byte, error) {
	sum := sha256.Sum256([]byte(app.Name)) // a uid has at most 40 characters, and a name 53
	d := grafanaDashboard{
		UID: "grpc-" + hex.EncodeToString(sum[:8]), Title: app.Name + " (gRPC)", Tags: []string{"grpc", app.Name},
		Editable: true, SchemaVersion: 36, Refresh: "1m", Time: timeRange{"now-3h", "now"}, Tooltip: 1,
		Templating: templating{variablesOf(app)},
		Panels:     layout(rowsOf(app)),
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return nil, fmt.Errorf("%s: %w", dashboardFile, err)
	}
	return text.Bytes(), nil
}

// variablesOf returns the data source, and what the user of the dashboard selects by.
func variablesOf(app App) []variable {
	choice := func(name, query string) variable {
		return variable{
			Name: name, Label: name, Type: "query", Query: query, Datasource: &prometheusSource,
			Refresh: 2, Sort: 1, Multi: true, IncludeAll: true, AllValue: ".*", // refresh with the time range
		}
	}
	calls := func(label string, matchers ...string) string {
		return "label_values(" + selection(callsRecord, append([]string{jobOf(app)}, matchers...)...) + ", " + label + ")"
	}
	const service = metric.LabelService + `=~"$service"`
	return []variable{
		{Name: "datasource", Label: "data source", Type: "datasource", Query: "prometheus", Refresh: 1},
		choice("namespace", "label_values("+selection("up", jobOf(app))+", namespace)"),
		choice("service", calls(metric.LabelService, inNamespace)),
		choice("method", calls(metric.LabelMethod, inNamespace, service)),
	}
}

const inNamespace = `namespace=~"$namespace"`

// row is a row of a dashboard with its graphs.
type row struct {
	title  string
	graphs []graph
}

// graph is a panel with lines.
type graph struct {
	title, description string
	unit               string
	line               float64 // a threshold to draw, or 0
	targets            []target
}

// layout places the graphs of each row, three beside each other.
func layout(rows []row) (panels []panel) {
	const width, height, columns = 8, 8, 3
	y := 0
	for _, r := range rows {
		panels = append(panels, panel{ID: len(panels) + 1, Type: "row", Title: r.title, GridPos: gridPos{1, 24, 0, y}})
		y++
		for i, g := range r.graphs {
			at := gridPos{height, width, i % columns * width, y + i/columns*height}
			panels = append(panels, g.panel(len(panels)+1, at))
		}
		y += (len(r.graphs) + columns - 1) / columns * height
	}
	return panels
}

// panel returns the graph at a place.
func (g graph) panel(id int, at gridPos) panel {
	defaults := fieldDefaults{Unit: g.unit, Min: new(float64)}
	if g.line != 0 {
		defaults.Thresholds = &thresholds{"absolute", []thresholdStep{{Color: "green"}, {"red", &g.line}}}
		defaults.Custom = &drawing{thresholdsStyle{"dashed"}}
	}
	for i := range g.targets {
		g.targets[i].RefID = string(rune('A' + i))
	}
	return panel{
		ID: id, Type: "timeseries", Title: g.title, Description: g.description, Datasource: &prometheusSource, GridPos: at,
		Targets: g.targets, FieldConfig: &fieldConfig{defaults, []struct{}{}},
	}
}
