// Package report logs where nothing recovers a panic of the log itself.
package report

// Log calls log where nothing else recovers. A panic in the log itself has no other place to go.
func Log(log func()) {
	defer func() { _ = recover() }()
	log()
}
