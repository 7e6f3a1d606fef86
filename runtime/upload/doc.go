// Package upload serves and calls client-streaming RPCs that upload files in chunks.
//
// Generated code has a [Method] for each such RPC, which knows the fields of the chunks. On the
// server, [Method.Files] yields each file as an [io.Reader]; it checks the order, sizes and
// checksums, and a file that did not arrive whole never looks complete. On the client,
// [Method.Send] uploads from any [io.Reader], with progress.
//
// There are two shapes of uploads:
//
//   - flat: each request is a chunk with the name of its file. A stream may have several files.
//   - header and chunks: the first request has a header, the others have the data of one file.
//
// With [WithStaging], a server keeps what has arrived of an upload that was cut off, and a client
// with [WithResume] continues from there.
package upload
