// Googleprotos writes the proto files of Google that protos of this repository import, into a directory:
//
//	go run ./googleprotos DIR
//
// It prints them from the descriptors that Go modules carry, at the versions in tools/go.mod. So they need no network, no copy in
// the repository, and their go_package names the package that Go code imports. Descriptors carry no comments, so neither do
// the files. What the directory has besides is left alone.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: googleprotos DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "googleprotos:", err)
		os.Exit(1)
	}
}
