// Package operation implements RPCs that return a long-running operation (AIP-151). Callers can
// poll, await, cancel and delete it. The package serves google.longrunning.Operations and keeps
// operations in a [Store]. The [Manager] of any process works on them: after a restart or a crash,
// an operation continues from its last checkpoint.
//
// Generated code has a [Method] for each such RPC. On the server, set its work once, register the
// service, and start operations in the RPC:
//
//	ops := operation.NewManager(operation.Memory())
//	shopv1service.BatchJobServiceProcessBatch.Handle(ops, jobs.process)
//	operation.Register(srv, ops)
//
//	func (j *Jobs) ProcessBatch(ctx context.Context, req *shopv1.BatchRequest) (*longrunningpb.Operation, error) {
//		return shopv1service.BatchJobServiceProcessBatch.Start(ctx, j.ops, req)
//	}
//
//	func (j *Jobs) process(ctx context.Context, run *operation.Run[shopv1.BatchRequest, shopv1.BatchMetadata]) (*shopv1.BatchResponse, error) {
//		// ... run.Save(ctx, checkpoint, func(m *shopv1.BatchMetadata) { ... })
//	}
//
// A test of such a service registers both on servicetest.Serve: the generated test helper serves
// one service only.
//
// On the client, [Method.Call] returns a [Handle]. The package is a separate module because it
// depends on the protos of google.longrunning.
package operation
