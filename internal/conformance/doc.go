// Package conformance runs the conformance suite of connectrpc.com against a generated server and
// a generated client. It is a separate module, because of the suite. gen holds the service of the
// suite; its tests are in suite, so that those here can generate gen when it is missing or does
// not compile.
package conformance
