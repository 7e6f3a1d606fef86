package pattern

// Dependency is a kind of value that the helper of a pattern takes in addition to the request, such
// as a manager of operations. The user's type has a field for it and its constructor a parameter;
// main.go and the tests of starter code make one that keeps its data in memory.
type Dependency struct {
	Name    string // of the field, the parameter and the variable: "operations"
	Package Package
	Type    string // of Package: "Manager"; the dependency is a pointer to it
	// New makes it, with what Store returns as its only argument unless Store is "". Both are functions of Package.
	New, Store string
	// Register is the function of Package that main.go calls with the server and the dependency, or "".
	Register string
	// Doc completes "NewBookService returns a BookService": "whose operations the manager stores and runs".
	Doc string
	// TODO is what to do about it in main.go: "Use a durable store that all replicas share."
	TODO string
	// RequiresAuthentication is whether a server with it does not start without an authenticator.
	RequiresAuthentication bool
}
