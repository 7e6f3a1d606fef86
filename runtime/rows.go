package runtime

import "google.golang.org/grpc"

// RowsOf returns the rows of a table, bound to conn.
func RowsOf[S any](table *Service[S], conn grpc.ClientConnInterface) (rows []*ClientMethod) {
	for _, info := range table.Methods() {
		rows = append(rows, Bind(conn, info))
	}
	return rows
}
