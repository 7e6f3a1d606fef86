// Package jobs tests whole services with a Manager on PostgreSQL and in memory, by generated code.
package jobs
