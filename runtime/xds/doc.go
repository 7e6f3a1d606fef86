// Package xds connects clients and servers to a control plane of xDS, such as Istio or Traffic
// Director, with grpc's own xDS client:
//
//	conn, err := client.Dial("xds:///books", libraryv1service.BookServiceConfig(), xds.Client())
//
//	srv := server.New(xds.Server())
//
// The control plane decides which servers a client calls, how calls are routed and balanced, and
// with which certificates; and on a server, which connections and calls it accepts. The pipeline of
// the server, and the policies of methods, apply as without it.
//
// [OutlierDetection] needs no control plane: it is a balancer for any target. Package orca has
// another, weighted round robin, without linking xDS.
//
// The environment variable GRPC_XDS_BOOTSTRAP names the file that has the address of the control
// plane, or GRPC_XDS_BOOTSTRAP_CONFIG has its content. docs/xds.md describes both sides, and what
// happens while the control plane is away.
package xds
