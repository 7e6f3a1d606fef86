package runtime

// report calls log where nothing else recovers. A panic in the log itself has no other place to go.
func report(log func()) {
	defer func() { _ = recover() }()
	log()
}
