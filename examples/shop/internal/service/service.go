// Package service implements the services of the shop, each in the files that start with its name.
//
// It is written as a model: state is guarded and bounded, requests are checked, and each error has
// a reason for programs and a text for developers. The protos state which callers may call, how
// often and how long. The server enforces that, and handles recovery, logs and shutdown.
package service

import "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"

// A missing or changed RPC fails to compile here, with its name, and not where the services are
// registered.
var (
	_ shopv1service.UserService          = (*UserService)(nil)
	_ shopv1service.ProductService       = (*ProductService)(nil)
	_ shopv1service.AnalyticsService     = (*AnalyticsService)(nil)
	_ shopv1service.ChatService          = (*ChatService)(nil)
	_ shopv1service.OrderService         = (*OrderService)(nil)
	_ shopv1service.EventService         = (*EventService)(nil)
	_ shopv1service.LogService           = (*LogService)(nil)
	_ shopv1service.UploadService        = (*UploadService)(nil)
	_ shopv1service.GameService          = (*GameService)(nil)
	_ shopv1service.CollaborationService = (*CollaborationService)(nil)
	_ shopv1service.BatchJobService      = (*BatchJobService)(nil)
)
