package view

import "github.com/grpcservice/grpcservice/internal/golang"

// Helper is the variable that serves and calls an RPC by its pattern.
type Helper struct {
	Name             string
	Summary          string // the first sentence of Doc, without the name that starts it
	Doc              []string
	Package          string         // the runtime's package: "page", "batch" or "operation"
	Constructor      string         // the function of that package that makes it
	Types            []golang.Ident // the type arguments that do not follow from the rest
	Accessors        []Accessor     // the arguments that read fields, in order
	NameField        string         // the argument that is the name of a field, instead of accessors
	Fields           []HelperField
	Deprecated       bool // whether it names something that is deprecated
	IsShort          bool // whether its arguments go on one line
	StartsOperations bool // whether the RPC does
	Stub             Stub // how a user's method starts that calls it
}

// HelperField is a field of the argument Fields of a helper.
type HelperField struct {
	Name   string
	Value  string
	Values []string // instead of Value
}

// Accessor reads a field of a message, or of a message in it.
type Accessor struct {
	Message golang.Ident
	Getters []string // the name of the method for each field on the way
	Type    Type     // of what is read, where there are several getters
}

// Type is the Go type of a field: "[]*" before an identifier, "map[string]int32", or the like.
type Type struct {
	Text  string
	Ident *golang.Ident // what follows the text, or nil
}

// Stub is what the first version of a user's method spells that calls a helper.
type Stub struct {
	// Of a page.
	Item      Type   // an item of the list, or of a map its value
	HasKey    bool   // whether there is a key that a page can start after
	Key       Type   // the key
	KeyGetter string // the item's method that returns it; "" where the item is the key, and of a map
	KeyGuess  string // the field that is the key, where only its name tells so
	IsMap     bool
	HasTotal  bool

	// Of a batch.
	Child, Result Type
	Loads         bool   // whether one look-up of all items fits
	Single        string // the method of the same service that does it for one item, or ""

	// Of an operation.
	Work string // the name of the method that does the work
}
