package server

import "time"

// Limits of the transport, where grpc's own defaults are unlimited or do not fit package client's.
// Options of [WithGRPCOptions] override them.
const (
	// MaxConcurrentStreams is how many calls a connection may run at a time, the limit of x/net's
	// HTTP/2 server. grpc's default of 4 billion permits the rapid-reset attack (CVE-2023-44487).
	MaxConcurrentStreams = 250
	// MaxRecvMsgSize is the size of the largest request, in bytes after decompression: grpc's
	// default.
	MaxRecvMsgSize = 4 << 20
	// MaxSendMsgSize is the size of the largest response, in bytes. grpc's default is 2 GiB, which
	// no client accepts.
	MaxSendMsgSize = 16 << 20
	// MaxHeaderListSize is the most metadata of a call, in bytes; grpc's default is 16 MiB.
	// Clients learn the limit when they connect and fail calls with more. The connection of a
	// client that ignores it is closed with all its calls; the limit is well above what such
	// clients send (those of Node.js send up to 64 KiB).
	MaxHeaderListSize = 1 << 20
	// ConnectionTimeout is how long a handshake may take; grpc's default is two minutes.
	ConnectionTimeout = 20 * time.Second
	// MaxConnectionIdle is how long a connection without calls is kept.
	MaxConnectionIdle = 15 * time.Minute
	// MaxConnectionAge is the age, ± 10%, at which the server asks clients to reconnect, so that
	// they spread over added servers (gRFC A9). [WithMaxConnectionAge] sets another.
	MaxConnectionAge = 30 * time.Minute
	// MaxConnectionAgeGrace is how long the calls of an aged connection may continue. Longer
	// streams are cut and reconnect. [WithMaxConnectionAgeGrace] sets another.
	MaxConnectionAgeGrace = 5 * time.Minute
	// KeepaliveTime is how long a connection may be silent before the server pings: less than the
	// idle timeouts of NATs and load balancers.
	KeepaliveTime = time.Minute
	// KeepaliveTimeout is how long the server waits for the answer to its ping.
	KeepaliveTimeout = 20 * time.Second
	// StreamWorkers is how many goroutines are kept for calls: a new goroutine for each call first
	// has to grow its stack. [WithStreamWorkers] sets another number. Of 8, 32, 64 and 128,
	// this number costs least with 64 and 256 calls in flight: 0.84 and 0.86 of the CPU time
	// without. With 8 in flight it is 0.83, with one 0.98. Idle goroutines take 2 KiB each.
	StreamWorkers = 64
	// MinPingInterval is the shortest interval at which a client may ping, with or without calls.
	// The connection of a client that pings more often is closed. grpc's default is five minutes,
	// although its own clients may ping every ten seconds; half of that tolerates late pings.
	MinPingInterval = 5 * time.Second
)

// Defaults of the options that a [Server] starts with.
const (
	// DefaultTimeout is the deadline of a unary call whose client sent none.
	DefaultTimeout = 30 * time.Second
	// DefaultDrainDelay is how long a stopping server accepts calls while its health reports
	// NOT_SERVING, until load balancers have noticed.
	DefaultDrainDelay = 5 * time.Second
	// DefaultShutdownTimeout is how long running calls may take after the drain delay. Both
	// together leave some of the 30 s that Kubernetes grants a pod.
	DefaultShutdownTimeout = 20 * time.Second
	// DefaultSendTimeout is how long a client may leave a message unread.
	DefaultSendTimeout = time.Minute
	// DefaultMaxCalls is how many calls a server runs at a time, including streams.
	DefaultMaxCalls = 20_000
	// DefaultMaxCallsPerPeer is how many of them come from one address.
	DefaultMaxCallsPerPeer = 10_000
	// DefaultMaxConnections is how many connections a server has at a time.
	DefaultMaxConnections = 10_000
	// DefaultMaxConnectionsPerPeer is how many of them come from one address.
	DefaultMaxConnectionsPerPeer = 5_000
)
