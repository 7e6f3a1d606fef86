module github.com/grpcservice/grpcservice/runtime/natshub

go 1.26.0

// The grpcservice of the same checkout. Go ignores this line in the builds of whoever depends on this module.
replace github.com/grpcservice/grpcservice => ../..
