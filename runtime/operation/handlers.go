package operation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// checkHandlers returns an error that names the RPCs of a server whose operations nothing would
// run.
func (m *Manager) checkHandlers(of server.Status) error {
	if m.config.startOnly {
		return nil
	}
	var errs []error
	for _, service := range of.Services {
		for _, method := range service.Methods {
			if info := method.Info; info.Policy.Operation.Lease > 0 && m.lacks(info) {
				errs = append(errs, fmt.Errorf("%s starts operations, but the manager has no handler for them; "+
					"call %s.Handle of the generated package with this manager before the server serves, "+
					"or make it with operation.WithUnhandled(%[1]q) if something else runs them, "+
					"or with operation.WithStartOnly if other processes run all", info.FullMethod[1:], helperOf(info)))
			}
		}
	}
	return errors.Join(errs...)
}

// lacks reports whether the manager has no handler for an RPC and needs one.
func (m *Manager) lacks(info runtime.MethodInfo) bool {
	return m.handlerOf(info.FullMethod) == nil &&
		!slices.Contains(m.config.unhandled, info.FullMethod[1:]) &&
		!slices.Contains(m.config.unhandled, info.Service+"/*")
}

// helperOf returns the name of the generated helper of an RPC.
func helperOf(info runtime.MethodInfo) string {
	return info.Service[strings.LastIndexByte(info.Service, '.')+1:] + info.Name
}
