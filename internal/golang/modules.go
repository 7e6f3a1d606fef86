package golang

// Modules holds the Go modules known where the plugin runs.
type Modules struct {
	Near     string   // the module with the nearest go.mod
	Own      []string // the modules whose files can be written
	Required []string // the modules that Near requires
}
