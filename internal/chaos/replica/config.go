package replica

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// variable has the configuration of a replica, as JSON.
const variable = "GRPCSERVICE_CHAOS_REPLICA"

// Config is the configuration of a replica.
type Config struct {
	// Writer is the name of this process, another one after each start.
	Writer string
	// Database and NATS are URLs. Without the second, there is no log in JetStream.
	Database, NATS string
	// StaleLog is the file to which stale writes are appended, as JSON.
	StaleLog string
	// Lease is that of operations.
	Lease time.Duration
	// Stalls is the share of attempts that stand still until another worker has their operation,
	// and then write nevertheless.
	Stalls float64
	// Late is the share of saves that are delivered once more, after the next write.
	Late float64
	// Break is a promise that the replica breaks on purpose.
	Break Break
}

// Break is a promise that a store breaks, to see that a test notices it.
type Break string

const (
	// BreakFence is that workers write whatever their fence is.
	BreakFence Break = "fence"
	// BreakSaves is that a save counts whatever its number is.
	BreakSaves Break = "saves"
	// BreakKeys is that calls with a known key run again.
	BreakKeys Break = "keys"
	// BreakLog is that readers miss events.
	BreakLog Break = "log"
)

// Env returns the environment of a process that [Run] makes a replica.
func (c Config) Env() []string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // it has only text and numbers
	}
	return []string{variable + "=" + string(text)}
}

// fromEnv returns the configuration of this process, or false if it is no replica.
func fromEnv() (c Config, is bool, err error) {
	text, is := os.LookupEnv(variable)
	if !is {
		return c, false, nil
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, true, fmt.Errorf("%s: %w", variable, err)
	}
	return c, true, nil
}
