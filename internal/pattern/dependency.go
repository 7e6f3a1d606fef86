package pattern

// Dependency is a kind of value that the helper of a pattern takes in addition to the request, such
// as an operation manager. The user's type has a field for it, and its constructor a parameter. The
// starter code for main.go and the tests creates one that keeps its data in memory.
type Dependency struct {
	Name    string // of the field, the parameter and the variable: "operations"
	Package Package
	Type    string // in Package: "Manager"; the dependency is a pointer to it
	// New creates it. Its only argument is the result of Store, or it has none if Store is "". Both
	// are functions of Package.
	New, Store string
	// Register is the function of Package that main.go calls with the server and the
	// dependency, or "".
	Register string
	// Doc completes "NewBookService returns a BookService": "whose operations the manager stores
	// and runs".
	Doc string
	// TODO states what main.go should do about it: "Use a durable store that all replicas share."
	TODO string
	// RequiresAuthentication reports whether a server with the dependency fails to start without an
	// authenticator.
	RequiresAuthentication bool
}

// Package is a Go package that generated code imports.
type Package struct{ Name, Path string }
