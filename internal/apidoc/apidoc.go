// Package apidoc decides what the API reference of a proto package says to the callers of its
// services: shapes, policies, reasons of errors, and examples.
//
// Package markup holds its texts, and package pages writes it as Markdown and HTML.
package apidoc

import "github.com/grpcservice/grpcservice/internal/apidoc/markup"

// Reference is the API reference of the services of a proto package.
type Reference struct {
	Package  string // the proto package; or ""
	Dir      string // the directory of its files, relative to the output directory
	Doc      markup.Text
	Services []Service
	Messages []Message // those that no RPC shows, in the order of their names
	Enums    []Enum
	Calls    Diagram
}

// Title returns the title of the page about all services.
func (r Reference) Title() string {
	if r.Package == "" {
		return "API reference"
	}
	return r.Package
}

// Stem returns the name of the page about all services, without its extension. A service cannot
// have this name.
func (r Reference) Stem() string {
	if r.Package == "" {
		return "no-package"
	}
	return r.Package
}

// Service is a service, with the messages that its own page shows.
type Service struct {
	Name       string
	FullName   string
	Source     string // the path of the proto file
	Doc        markup.Text
	Deprecated bool
	Facts      []Fact // about all RPCs
	RPCs       []RPC
	Reasons    []Reason // that the code of the service returns
	Failures   []Reason // that every RPC can return
	Messages   []Message
	Enums      []Enum
	Imports    []Import // of the examples
	Connect    string   // a Go program that connects to the service
	Calls      Diagram
}

// Fact is a rule of an RPC that its types do not state.
type Fact struct {
	Topic string
	Text  []markup.Text // one for each line
}

// RPC is one RPC of a service.
type RPC struct {
	Name       string
	FullName   string // "shop.v1.UserService.GetUser"
	Path       string // "/shop.v1.UserService/GetUser"
	Kind       string // "unary", "server stream", "client stream" or "bidi stream"
	Signature  string
	Doc        markup.Text
	Deprecated bool
	Access     []markup.Span
	Facts      []Fact
	Request    Payload
	Response   Payload
	Reasons    []Reason // besides those that every RPC can return
	Grpcurl    string
	Go         string
}

// Payload is the request or the response of an RPC.
type Payload struct {
	Role    string // "Request" or "Response"
	Stream  bool
	Type    Type
	Message *Message // to be shown with the RPC; or nil
}

// Type is the type of a field or a payload.
type Type struct {
	Label string // "repeated", "optional" or "required"; or ""
	Key   string // the key of a map; or ""
	Name  string // of the element
	Ref   string // the full name, if the reference shows the type
	URL   string // of the type's own page, if it is a well-known one
}

// Message is a message with its fields.
type Message struct {
	Name       string // relative to the package, unless it is in another one
	FullName   string
	Doc        markup.Text
	Deprecated bool
	Rules      []markup.Text
	Fields     []Field
}

// Field is a field of a message.
type Field struct {
	Name       string
	Number     int
	Type       Type
	Oneof      string
	Doc        markup.Text
	Deprecated bool
	Notes      []markup.Text // behavior and rules
}

// Enum is an enum with its values.
type Enum struct {
	Name       string
	FullName   string
	Doc        markup.Text
	Deprecated bool
	Values     []Value
}

// Value is a value of an enum.
type Value struct {
	Name       string
	Number     int
	Doc        markup.Text
	Deprecated bool
}

// Reason is a reason of errors.
type Reason struct {
	Names  []string // without the domain
	Code   string
	Domain string
	When   markup.Text
	Then   string // what the caller can do
}

// Import is an import of an example in Go.
type Import struct{ Name, Path string }
