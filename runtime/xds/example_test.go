package xds_test

import (
	"fmt"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/xds"
)

// Servers most of whose calls fail get no calls for a while.
func ExampleOutlierDetection() {
	conn, err := client.Dial("dns:///books:8080", client.WithInsecure(),
		client.WithBalancer(xds.OutlierDetection(client.RoundRobin(), xds.WithMaxEjected(30))))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
}
