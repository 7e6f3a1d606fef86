// Package echotest has what tests of several packages of the runtime share.
package echotest

import (
	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
)

// RowsOf returns the rows of a table, bound to conn.
func RowsOf[S any](table *runtime.Service[S], conn grpc.ClientConnInterface) (rows []*client.Method) {
	for _, info := range table.Methods() {
		rows = append(rows, client.Bind(conn, info))
	}
	return rows
}
