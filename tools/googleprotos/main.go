// Googleprotos writes the Google proto files that protos of this repository import to a directory:
//
//	go run ./googleprotos DIR
//
// It prints them from the descriptors in Go modules, at the versions in tools/go.mod. So they need
// no network and no copy in the repository, and their go_package is the package that Go code
// imports. Descriptors contain no comments, so the files have none. Other files in the directory
// are left unchanged.
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
