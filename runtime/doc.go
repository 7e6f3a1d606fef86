// Package runtime is the part of the runtime that generated code and methods name.
//
//   - The table of a service: [Service] and its rows ([Unary], [ServerStream], [ClientStream],
//     [Bidi]), each with a [Policy]. Servers and clients are made from it.
//   - [Stream], what streaming methods take and return.
//   - What a method needs of its call: [CallFromContext], [Principal], [Go], [Draining], [Detach].
//   - What both sides of a call report to: [Observer].
//
// Package server serves tables, package client calls through them, and package rpcerr has the
// errors of both. The packages page, batch, operation, idempotency, stream and filter hold one
// pattern each.
//
// These packages import the standard library, grpc, protobuf and genproto's rpc package.
package runtime
