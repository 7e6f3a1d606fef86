// Package replica is the process that tests kill: operations, orders and events, with all state in
// PostgreSQL and NATS.
package replica
