// Package skeleton adds what is missing to Go files that users own, and changes nothing that is there.
//
// # What it does
//
// [Merge] reads a directory of Go files as they are, and the services that are to be implemented there. It finds the type that
// implements each service: the type of the wanted name, or the one that the package asserts, as in
//
//	var _ libraryv1service.BookService = (*Books)(nil)
//
// An RPC that this type has anywhere in the package is left alone: in any file, under any build tag, in a test, on T or *T, through
// an alias, or promoted from what T embeds. The others are appended to the file that declares the type, in the proto's order, and
// what they import is added to its imports. Where there is no such type, there is a new file with the declarations of [Service]
// and all methods. The bytes of the user's files all stay, in their order; a second run changes nothing.
//
// What Merge cannot do it says. Warnings are for what deserves a look: signatures that are not the service's, RPCs that are gone,
// files that do not parse (nothing is added to a package that has one, as nobody knows which methods it holds), and RPCs that it
// cannot judge. Errors are for what somebody has to decide first. Both have a place, and one line of text.
//
// [Read] answers questions about a package without changing it: whether a program serves a service, and what
// a constructor takes.
//
// It reads syntax only. It needs no go command, no module cache, and no generated code that compiles.
//
// # How code gets into a file
//
// Each piece of code is a [Decl] or a [Method] with a Render function. Render returns one declaration with its comment, in any
// layout: it is formatted afterwards. It never spells an import itself, as only Merge knows what the packages are called in the
// file it goes into, which may import them under other names, with a dot, or not at all. It asks the [golang.Frame] that it is given:
//
//	func(f golang.Frame) (string, error) {
//		return fmt.Sprintf("// GetBook returns one book.\nfunc (%s %s) %s {\n\treturn nil, %s(%s, %q)\n}",
//			f.Receiver, f.Type, method.Signature(f), f.Ident(unimplemented), f.Ident(serviceName), "GetBook"), nil
//	}
//
// With text/template, clone the templates for each call and give the clone functions that end in the frame, as package gen does
// with its import table.
//
// Rules for Render:
//
//   - Whatever is of another package, the standard library's too, goes through Ident of the frame. What is of the package itself goes
//     through Own of the frame; it is qualified in a test of package X_test.
//   - Receiver and type come from the frame. Users have generic types, value receivers and receivers of other names.
//   - Every other name in the text may be chosen freely: parameters, variables, fields, type parameters. Merge looks at them, and
//     calls no import so. A variable must not be called like a type or function of the package that the text uses as well.
//   - It is called more than once, the first time with names that stand for others. It has no effects, and what it asks the frame
//     for does not depend on the answers.
//   - A [Method] returns its method and nothing else; a [Decl] may return several declarations.
package skeleton
