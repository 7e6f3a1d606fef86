// Package runtime is the part of the runtime that generated code and methods name.
//
//   - The table of a service: [Service], made by [NewService], and its rows ([Unary],
//     [ServerStream], [ClientStream], [Bidi]), each with a [Policy]. Servers and clients are made
//     from it. [MethodInfo] describes a row.
//   - [Stream], what streaming methods take and return; [Fail] is one that fails.
//   - What a method needs of its call: [CallFromContext] and [Call], [Principal], [Go],
//     [Draining], [Recovered].
//   - What continues after a call, or starts without one: [Detach], [WithOrigin], [OriginOf].
//   - What both sides of a call report to: [Observer], [MethodObserver], [Outcome].
//   - The types of the fields of a [Policy], as aliases of package policy: [Auth], [Retry],
//     [Rate] and others.
//
// Package server serves tables, package client calls through them, and package rpcerr has the
// errors of both. The packages page, batch, operation, idempotency, filter, stream, hub,
// subscription, upload and bulk hold one pattern each.
//
// These packages import the standard library, grpc, protobuf and genproto's rpc package.
package runtime
