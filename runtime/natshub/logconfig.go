package natshub

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Defaults of [OpenLog].
const (
	// DefaultLogPrefix is the default of [WithLogPrefix].
	DefaultLogPrefix = "grpcservice.log"
	// DefaultMaxBytes is the default of [WithMaxBytes].
	DefaultMaxBytes = 256 << 20
	// DefaultTimeout is the default of [WithTimeout].
	DefaultTimeout = 30 * time.Second
	// DefaultWatchdog is the default of [WithWatchdog].
	DefaultWatchdog = 30 * time.Second
)

// maxTimeout leaves requests that are repeated within the window in which the server recognizes
// them.
const (
	maxTimeout  = time.Minute
	dedupWindow = 2 * time.Minute
)

// LogOption configures [OpenLog].
type LogOption func(*logSettings)

type logSettings struct {
	label, prefix        string
	replicas             int
	maxBytes, maxRecords int64
	maxAge               time.Duration
	rejectFull, memory   bool
	timeout, watchdog    time.Duration
}

// WithLogName sets the label "name" of the metrics of a log, "" by default.
func WithLogName(name string) LogOption { return func(s *logSettings) { s.label = name } }

// WithLogPrefix makes the subject of a new stream one below a prefix, instead of
// [DefaultLogPrefix].
func WithLogPrefix(prefix string) LogOption { return func(s *logSettings) { s.prefix = prefix } }

// WithReplicas keeps the stream on n servers of a cluster: 1, the default, 3 or 5.
func WithReplicas(n int) LogOption { return func(s *logSettings) { s.replicas = max(n, 1) } }

// WithMaxBytes bounds the size of the stream, instead of [DefaultMaxBytes]. The servers reserve
// that much of the storage that they have for streams. The oldest records are
// trimmed, unless [WithRejectWhenFull] is set.
func WithMaxBytes(n int64) LogOption { return func(s *logSettings) { s.maxBytes = max(n, 1) } }

// WithMaxRecords bounds the number of records. By default only their size is bounded.
func WithMaxRecords(n int64) LogOption { return func(s *logSettings) { s.maxRecords = max(n, 1) } }

// WithMaxAge trims records that are older than d. By default records have no age limit.
func WithMaxAge(d time.Duration) LogOption { return func(s *logSettings) { s.maxAge = max(d, 0) } }

// WithRejectWhenFull makes Append fail with [ErrFull] when the stream is full, instead of trimming
// the oldest records.
func WithRejectWhenFull() LogOption { return func(s *logSettings) { s.rejectFull = true } }

// WithMemoryStorage keeps a new stream in the memory of the servers instead of in files.
func WithMemoryStorage() LogOption { return func(s *logSettings) { s.memory = true } }

// WithTimeout bounds how long a call repeats its requests if its context does not end before,
// instead of [DefaultTimeout]; at most a minute.
func WithTimeout(d time.Duration) LogOption {
	return func(s *logSettings) { s.timeout = min(max(d, time.Millisecond), maxTimeout) }
}

// WithWatchdog sets how often a log that something waits for is asked for changes that the server
// has not announced, instead of [DefaultWatchdog].
func WithWatchdog(d time.Duration) LogOption {
	return func(s *logSettings) { s.watchdog = max(d, time.Millisecond) }
}

func newLogSettings(opts []LogOption) logSettings {
	s := logSettings{prefix: DefaultLogPrefix, timeout: DefaultTimeout, watchdog: DefaultWatchdog}
	for _, opt := range opts {
		opt(&s)
	}
	return s
}

// check rejects a name or prefix that cannot be part of a subject.
func (s *logSettings) check(name string) error {
	if err := checkKey("log", name); err != nil {
		return err
	}
	if token(name) != name || len(name) > maxStreamName {
		return fmt.Errorf("natshub: the name of the log %q cannot name a stream; "+
			"use up to %d letters, digits, - and _", name, maxStreamName)
	}
	return checkPrefix(s.prefix)
}

// maxStreamName is the maximum length of the name of a stream.
const maxStreamName = 200

// oldest is the first version of the server with atomic batches.
var oldest = [2]int{2, 12}

// checkVersion rejects a server without atomic batches. An unknown version passes: the stream's
// configuration then shows what the server can do.
func checkVersion(version string) error {
	var is [2]int
	n, _ := fmt.Sscanf(version, "%d.%d", &is[0], &is[1])
	if n == 2 && slices.Compare(is[:], oldest[:]) < 0 {
		return fmt.Errorf("natshub: the NATS server has version %s, and logs need %d.%d or later; "+
			"upgrade it", version, oldest[0], oldest[1])
	}
	return nil
}

// epochKey is the metadata of a stream with the random part of its epoch.
const epochKey = "grpcservice-epoch"

// subject returns the subject of the records.
func (s *logSettings) subject(name, epoch string) string {
	return s.prefix + "." + name + "." + epoch
}

// changes returns the subject of the hints.
func (s *logSettings) changes(name, epoch string) string {
	return s.prefix + "-changes." + name + "." + epoch
}

// config returns the configuration of a new stream.
func (s *logSettings) config(name string) jetstream.StreamConfig {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	epoch := hex.EncodeToString(random[:])
	c := jetstream.StreamConfig{
		Name:               name,
		Description:        "a log of grpcservice; see grpcservice/runtime/natshub",
		Subjects:           []string{s.subject(name, epoch)},
		MaxMsgs:            cmp.Or(s.maxRecords, -1),
		MaxBytes:           cmp.Or(s.maxBytes, DefaultMaxBytes),
		MaxAge:             s.maxAge,
		Replicas:           cmp.Or(s.replicas, 1),
		Duplicates:         dedupWindow,
		DenyDelete:         true,
		AllowDirect:        true,
		AllowAtomicPublish: true,
		Metadata:           map[string]string{epochKey: epoch},
		RePublish: &jetstream.RePublish{
			Source: s.subject(name, epoch), Destination: s.changes(name, epoch), HeadersOnly: true,
		},
	}
	if s.maxAge > 0 {
		c.Duplicates = min(dedupWindow, s.maxAge)
	}
	if s.rejectFull {
		c.Discard = jetstream.DiscardNew
	}
	if s.memory {
		c.Storage = jetstream.MemoryStorage
	}
	return c
}

// compare returns an error that names a setting with which a stream cannot be the log.
func (s *logSettings) compare(c *jetstream.StreamConfig) error {
	epoch := c.Metadata[epochKey]
	if len(epoch) != 16 || token(epoch) != epoch {
		return fmt.Errorf("natshub: the stream %q is not a log: its metadata has no %s; "+
			"choose another name, or delete the stream", c.Name, epochKey)
	}
	republish := jetstream.RePublish{}
	if c.RePublish != nil {
		republish = *c.RePublish
	}
	needs := []struct {
		setting  string
		has      any
		needs    any
		optional bool // the setting is compared only if an option states it
	}{
		{"subjects", strings.Join(c.Subjects, " "), s.subject(c.Name, epoch), false},
		{"retention", c.Retention.String(), jetstream.LimitsPolicy.String(), false},
		{"max_msgs_per_subject", max(c.MaxMsgsPerSubject, 0), int64(0), false},
		{"no_ack", c.NoAck, false, false},
		{"mirror", c.Mirror != nil, false, false},
		{"sources", len(c.Sources), 0, false},
		{"sealed", c.Sealed, false, false},
		{"deny_delete", c.DenyDelete, true, false},
		{"deny_purge", c.DenyPurge, false, false},
		{"allow_rollup_hdrs", c.AllowRollup, false, false},
		{"subject_transform", c.SubjectTransform != nil, false, false},
		{"allow_direct", c.AllowDirect, true, false},
		{"allow_msg_ttl", c.AllowMsgTTL, false, false},
		{"allow_msg_counter", c.AllowMsgCounter, false, false},
		{"allow_msg_schedules", c.AllowMsgSchedules, false, false},
		{"allow_atomic", c.AllowAtomicPublish, true, false},
		{"republish.src", republish.Source, s.subject(c.Name, epoch), false},
		{"republish.dest", republish.Destination, s.changes(c.Name, epoch), false},
		{"duplicate_window >= 1m0s or max_age", c.Duplicates >= window(c.MaxAge), true, false},
		{"num_replicas", c.Replicas, s.replicas, true},
		{"max_bytes", c.MaxBytes, s.maxBytes, true},
		{"max_msgs", c.MaxMsgs, s.maxRecords, true},
		{"max_age", c.MaxAge, s.maxAge, true},
		{"discard new", c.Discard == jetstream.DiscardNew, s.rejectFull, true},
	}
	for _, n := range needs {
		if n.has == n.needs || n.optional && isZero(n.needs) {
			continue
		}
		what := "a log needs"
		fix := "restore it with `nats stream edit`, or delete the stream"
		if n.optional {
			what, fix = "the option states", "change it with `nats stream edit`, or change the option"
		}
		return fmt.Errorf("natshub: the stream %q has %s=%v, and %s %v; %s",
			c.Name, n.setting, n.has, what, n.needs, fix)
	}
	return nil
}

// window returns how long the server must recognize requests that are repeated.
func window(maxAge time.Duration) time.Duration {
	if maxAge > 0 {
		return min(maxTimeout, maxAge)
	}
	return maxTimeout
}

func isZero(v any) bool {
	return v == 0 || v == int64(0) || v == time.Duration(0) || v == false
}

// epochOf returns the epoch of the positions in a stream.
func epochOf(info *jetstream.StreamInfo) uint64 {
	created := binary.BigEndian.AppendUint64(nil, uint64(info.Created.UnixNano()))
	sum := sha256.Sum256(append(created, info.Config.Metadata[epochKey]...))
	return max(binary.BigEndian.Uint64(sum[:]), 1)
}
