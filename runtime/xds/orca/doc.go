// Package orca balances calls by the load that servers report (ORCA, gRFC A51 and A58).
//
// A server reports its load with each response, and on a stream to clients that ask for it:
//
//	srv := server.New(orca.Reports())
//
// A client sends fewer calls to servers that report more load per call:
//
//	conn, err := client.Dial(target, client.WithBalancer(orca.WeightedRoundRobin()))
//
// The reports need nothing else: the CPU time of the process, its calls and its errors per second
// are known. [WithUtilization] and [WithCapacity] replace the CPU time where it does not tell how
// busy a server is. [RecordCost] and [RecordMetric] add figures of one call.
//
// docs/xds.md describes both. The package does not link grpc's xDS client.
package orca
