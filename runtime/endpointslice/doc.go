// Package endpointslice resolves the name of a Kubernetes service to its pods, and follows them. A
// new pod gets calls within a second, and one that stops gets no more. The package reads the
// service's EndpointSlices from the API server with the token of the pod, without client-go.
//
//	conn, err := client.Dial("endpointslice:///shop/books:grpc",
//		client.WithResolvers(endpointslice.NewResolver()))
//
// The target has the namespace, the service and the port: its name, or the number that pods listen
// on. Without a namespace ("endpointslice:///books:grpc") it is that of the process.
//
// Calls go to the endpoints that are ready. If none is ready, they go to those that still serve
// while they terminate. If the API server fails, the endpoints stay as they are.
//
// The pod's service account needs the verbs get, list and watch on endpointslices. See
// docs/endpointslices.md, which has the Role.
package endpointslice
