package service

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	libraryv1 "example.com/skeleton_new/library/v1"
	"example.com/skeleton_new/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// IndexService implements [libraryv1service.IndexService].
type IndexService struct {
	operations *operation.Manager
}

var _ libraryv1service.IndexService = (*IndexService)(nil)

// NewIndexService returns an IndexService whose operations the manager stores and runs.
func NewIndexService(operations *operation.Manager) *IndexService {
	s := &IndexService{operations: operations}
	libraryv1service.IndexServiceRebuildIndex.Handle(operations, s.runRebuildIndex)
	libraryv1service.IndexServiceCheckIndex.Handle(operations, s.runCheckIndex)
	return s
}

// runRebuildIndex does the work of an operation that RebuildIndex started, in this process or another.
func (s *IndexService) runRebuildIndex(ctx context.Context, run *operation.Run[libraryv1.RebuildIndexRequest, libraryv1.RebuildIndexMetadata]) (*libraryv1.RebuildIndexResponse, error) {
	// TODO: Do what run.Request asks for. Call run.Save as you go: it reports progress, and stores what
	// the next attempt resumes from if this process stops. Return when ctx is done.
	return nil, runtime.Unimplemented(libraryv1service.IndexServiceName, "RebuildIndex")
}

// runCheckIndex does the work of an operation that CheckIndex started, in this process or another.
func (s *IndexService) runCheckIndex(ctx context.Context, run *operation.Run[libraryv1.CheckIndexRequest, libraryv1.Check]) (*libraryv1.Check, error) {
	// TODO: Do what run.Request asks for. Call run.Save as you go: it reports progress, and stores what
	// the next attempt resumes from if this process stops. Return when ctx is done.
	return nil, runtime.Unimplemented(libraryv1service.IndexServiceName, "CheckIndex")
}

// RebuildIndex begins to make the index anew.
func (s *IndexService) RebuildIndex(ctx context.Context, req *libraryv1.RebuildIndexRequest) (*longrunningpb.Operation, error) {
	// TODO: Check req here, while the caller waits. The work is in runRebuildIndex.
	return libraryv1service.IndexServiceRebuildIndex.Start(ctx, s.operations, req)
}

// GetOperation returns how far that is.
func (s *IndexService) GetOperation(ctx context.Context, req *libraryv1.GetOperationRequest) (*longrunningpb.Operation, error) {
	return libraryv1service.IndexServiceGetOperation.Serve(ctx, s.operations, req)
}

// CheckIndex begins to compare the index with the shelves.
func (s *IndexService) CheckIndex(ctx context.Context, req *libraryv1.CheckIndexRequest) (*libraryv1.Check, error) {
	// TODO: Check req here, while the caller waits. The work is in runCheckIndex.
	return libraryv1service.IndexServiceCheckIndex.Start(ctx, s.operations, req)
}

// GetCheck returns how far that is.
func (s *IndexService) GetCheck(ctx context.Context, req *libraryv1.GetCheckRequest) (*libraryv1.Check, error) {
	return libraryv1service.IndexServiceGetCheck.Serve(ctx, s.operations, req)
}

// CancelCheck ends it.
func (s *IndexService) CancelCheck(ctx context.Context, req *libraryv1.CancelCheckRequest) (*libraryv1.CancelCheckResponse, error) {
	return libraryv1service.IndexServiceCancelCheck.Serve(ctx, s.operations, req)
}
