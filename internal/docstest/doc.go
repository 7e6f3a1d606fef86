// Package docstest checks the user documentation. Its tests follow the README and the guide in docs
// as a new user would: they write the files that the pages show and run the commands in between,
// with the module from a proxy that serves this checkout. They also check links, names of the
// runtime, and the list of reasons.
package docstest
