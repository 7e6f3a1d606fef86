// Package chaos breaks what a service of three replicas runs on, and checks what its clients saw.
//
// A test starts replicas as processes, with operations, orders and events in PostgreSQL and NATS,
// each behind a proxy. While clients call them, it breaks them: see package faults. Clients record
// what they call and learn, see package history, and package judge compares that with the
// database.
//
// GRPCSERVICE_CHAOS=long runs the long form, and GRPCSERVICE_CHAOS_SEED repeats the faults of a
// run. GRPCSERVICE_CHAOS_DIR keeps the histories and logs.
package chaos
