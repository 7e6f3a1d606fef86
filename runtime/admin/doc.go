// Package admin serves an HTTP page about the servers of a process: what they serve, under which
// policies, and how calls go.
//
//	page := admin.New(admin.WithMetrics(metrics.Handler()))
//	srv := server.New(server.WithObservers(page), server.WithCompanions(page))
//
// The page answers on its own address, 127.0.0.1:9090 by default, from before the server accepts
// connections until its last call has finished:
//
//	/               services, methods, rates, errors, latencies, limits, connections, failed calls
//	/method?name=   one method: its policy, where each rule is from, its latencies and rejections
//	/metrics        the handler of [WithMetrics]
//	/livez          200 while the process responds
//	/readyz         200 while all servers serve and all their services are SERVING, otherwise 503
//	/debug/pprof/   profiles, with [WithProfiles]
//
// Nothing changes state. Only GET and HEAD are served, only for hosts that are IP addresses,
// loopback names or named by [WithHosts], so that a web site cannot read the page by rebinding its
// own name, and never to another origin. The page needs no script.
//
// A call costs a few atomic additions and no allocation, and a message of a stream costs nothing.
//
// Importing the package turns on channelz, grpc's own record of connections.
package admin
