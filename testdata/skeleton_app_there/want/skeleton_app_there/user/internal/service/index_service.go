package service

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	libraryv1 "example.com/skeleton_app_there/library/v1"
	"example.com/skeleton_app_there/library/v1/libraryv1service"
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
	return s
}

// runRebuildIndex does the work of an operation that RebuildIndex started, in this process or another.
func (s *IndexService) runRebuildIndex(ctx context.Context, run *operation.Run[libraryv1.RebuildIndexRequest, libraryv1.RebuildIndexMetadata]) (*libraryv1.RebuildIndexResponse, error) {
	// TODO: Do what run.Request asks for. Call run.Save as you go: it reports progress, and stores what
	// the next attempt resumes from if this process stops. Return when ctx is done.
	return nil, runtime.Unimplemented(libraryv1service.IndexServiceName, "RebuildIndex")
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
