// Package mcp serves RPCs as tools for agents, over the Model Context Protocol. An RPC is a tool if
// its policy names one:
//
//	rpc GetBook(GetBookRequest) returns (Book) {
//	  option idempotency_level = NO_SIDE_EFFECTS;
//	  option (grpcservice.v1.method) = {tool: {name: "get_book"}};
//	}
//
// Serve the tools on a second address:
//
//	srv := server.New(mcp.Serve(":8090"))
//
// [New] returns them as an [http.Handler] instead, and [Tools.ServeStdio] serves them to the program
// that has started this one.
//
// Calls run through the pipeline of the server, by [server.Server.Conn]: authentication, scopes,
// permissions, rates, deadlines, checks of requests, logs and metrics are those of gRPC, and so are
// the errors. Nothing else is reachable. The credentials of the agent are those of its HTTP request.
//
// The transport is streamable HTTP without sessions, so that replicas share the agents. All that an
// agent can make large is limited: see the options.
//
// The package is a separate module, because it depends on the MCP SDK.
package mcp
