// Package docstest runs the README and the guide of docs/ as a newcomer would: its tests write the files that the pages show
// and execute the commands between them, with the module from a proxy that holds this checkout.
package docstest
