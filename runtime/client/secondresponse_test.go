package client_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// TestSecondResponse checks that a call whose server sends two responses where the proto has one has
// ended when it returns: only then has grpc written to call options.
func TestSecondResponse(t *testing.T) {
	twice := func(_ any, ss grpc.ServerStream) error {
		if err := ss.SetHeader(metadata.Pairs("shelf", "new")); err != nil {
			return err
		}
		if err := ss.SendMsg(wrapperspb.String("first")); err != nil {
			return err
		}
		if err := ss.SendMsg(wrapperspb.String("second")); err != nil {
			return err
		}
		<-ss.Context().Done()
		return nil
	}
	conn := echotest.ServeGRPC(t, grpc.NewServer(grpc.UnknownServiceHandler(twice)))
	var header, trailer metadata.MD
	ctx := client.WithCallOptions(echotest.Context(t), grpc.Header(&header), grpc.Trailer(&trailer))
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	_, err := stub.Join(ctx, echotest.Texts("request"))
	if status.Code(err) != codes.Internal || len(header["shelf"]) != 1 || len(trailer) != 0 {
		t.Errorf("got %v, header %v, trailer %v", err, header, trailer)
	}
}
