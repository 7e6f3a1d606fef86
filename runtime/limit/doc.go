// Package limit counts calls: it says which of them come too often or are too many at a time, in memory that has a bound.
//
// [Rate] and [KeyedRate] bound how often calls come, [Concurrency] how many run at a time. All of them may be used by many
// goroutines at a time, start no goroutine, and need no closing.
package limit
