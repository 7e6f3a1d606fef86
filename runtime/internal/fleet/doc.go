// Package fleet runs servers as processes, for tests of clients while servers come, drain, die, hang and
// disappear from the network.
package fleet
