// Package docstest checks the pages that users read. Its tests follow the README and the guide of docs/
// as a newcomer would: they write the files that the pages show and run the commands between them, with
// the module from a proxy that serves this checkout. They also check links, names of the runtime, and
// the list of reasons.
package docstest
