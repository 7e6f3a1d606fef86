// Package fleet runs servers as processes of their own, so that tests see how a client behaves
// while servers come, drain, die, hang and disappear from the network.
package fleet
