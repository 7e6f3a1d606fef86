// Package limit enforces rates and concurrency limits of calls in bounded memory.
//
// [Rate] and [KeyedRate] bound the rate of calls, [Group] by several rates at once, and
// [Concurrency] how many run at a time. All of them are safe for concurrent use, start no
// goroutines, and need no closing.
package limit
