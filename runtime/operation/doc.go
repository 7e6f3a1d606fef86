// Package operation runs RPCs that take longer than a call may: they answer at once with an operation, which its caller can ask for,
// wait for, cancel and delete (AIP-151). It serves google.longrunning.Operations, keeps operations in a [Store], and has them worked
// on by a [Manager] of whichever process is there: after a restart or a crash an operation goes on from its last checkpoint.
//
// Generated code has a [Method] for each such RPC. On the server, give it the work once, register the service, and start operations
// in the RPC:
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
// A test of such a service registers both on servicetest.Serve: what is generated for tests serves one service only.
//
// On the client, [Method.Call] returns a [Handle]. The package is a module of its own, because of the protos of google.longrunning.
package operation
