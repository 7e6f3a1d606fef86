package golang

// Modules are the Go modules that are known where the plugin runs.
type Modules struct {
	Near     string   // the one whose go.mod is the nearest
	Own      []string // those whose files can be written to
	Required []string // those that it requires
}
