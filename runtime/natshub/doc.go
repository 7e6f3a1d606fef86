// Package natshub carries rooms, logs and presence between replicas over NATS and JetStream.
package natshub
