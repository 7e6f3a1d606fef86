// Package skeleton adds missing code to Go files that users own, and changes nothing else.
//
// # Behavior
//
// [Merge] reads a directory of Go files and the services to implement there. It finds the type that
// implements each service: the type of the wanted name, or the one that the package asserts, as in
//
//	var _ libraryv1service.BookService = (*Books)(nil)
//
// Merge does not touch an RPC that the type already has anywhere in the package: in any file, under
// any build tag, in a test, on T or *T, through an alias, or promoted from an embedded type. It
// appends the others to the file that declares the type, in the order of the proto, and adds the
// imports that they need. Without such a type, it adds a file with the declarations of [Service]
// and all methods. It keeps all bytes of the user's files, in their order. A second run changes
// nothing.
//
// Merge reports the cases that it cannot handle. Warnings are for the user's attention: methods
// with a different signature, methods of removed RPCs, files with syntax errors (a package with one
// gets no code, because its methods are not all known), and RPCs that syntax alone cannot decide.
// Errors require a decision first. Both have a position, and a text of one line.
//
// [Read] answers questions about a package without changing it: whether a program serves a service,
// and which values a constructor takes.
//
// The package reads syntax only. It needs no go command, no module cache, and no generated code
// that compiles.
//
// # Rendering code
//
// Each piece of code is a [Decl] or a [Method] with a Render function. Render returns one
// declaration with its comment; its layout does not matter, because it is formatted. Render never
// spells a qualifier, because only Merge knows the names of packages in the file: the file may
// import them under other names, with a dot, or not at all. Render asks its [golang.Frame] instead:
//
//	func(f golang.Frame) (string, error) {
//		return fmt.Sprintf("// GetBook returns one book.\nfunc (%s %s) %s {\n\treturn nil, %s(%s, %q)\n}",
//			f.Receiver, f.Type, method.Signature(f), f.Ident(unimplemented), f.Ident(serviceName), "GetBook"), nil
//	}
//
// With text/template, clone the templates for each call, and give the clone functions that use the
// frame, as package gen does with its import table.
//
// Rules for Render:
//
//   - Spell identifiers of other packages, including the standard library, with Ident of the frame.
//     Spell those of the package itself with Own, which qualifies them in a test of package X_test.
//   - Take the receiver and its type from the frame. Users have generic types, value receivers and
//     receivers with other names.
//   - Choose all other names freely: parameters, variables, fields, type parameters. Merge gives no
//     import such a name. But a variable must not have the name of a type or function of the
//     package that the text uses as well.
//   - Render is called several times, first with placeholders for names. It must have no effects,
//     and the identifiers that it asks for must not depend on the answers.
//   - A [Method] returns its method and nothing else. A [Decl] may return several declarations.
package skeleton
