// Package service implements the services of bistro.v1.
package service

import (
	"context"

	bistrov1 "example.com/skeleton_web/bistro/v1"
	"example.com/skeleton_web/bistro/v1/bistrov1service"
	"github.com/grpcservice/grpcservice/runtime"
)

// Bistro implements [bistrov1service.Bistro].
type Bistro struct{}

var _ bistrov1service.Bistro = (*Bistro)(nil)

// NewBistro returns a Bistro.
func NewBistro() *Bistro {
	return &Bistro{}
}

// GetMenu returns the menu of today.
func (s *Bistro) GetMenu(ctx context.Context, req *bistrov1.GetMenuRequest) (*bistrov1.GetMenuResponse, error) {
	// TODO: Check req, do the work and return the response. Callers get the status of an error, and
	// UNKNOWN if it has none.
	return nil, runtime.Unimplemented(bistrov1service.BistroName, "GetMenu")
}
