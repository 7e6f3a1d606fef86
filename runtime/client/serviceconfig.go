package client

import (
	"github.com/grpcservice/grpcservice/runtime/policy"

	"github.com/grpcservice/grpcservice/runtime"
)

// methodConfigOf returns the service config of a method for our own clients.
func methodConfigOf(info runtime.MethodInfo) policy.MethodConfig {
	return info.Policy.ClientConfig(configNameOf(info), info.Kind != runtime.KindUnary)
}

// standaloneConfigOf returns the service config of a method for clients that know the policy from
// nothing else.
func standaloneConfigOf(info runtime.MethodInfo) policy.MethodConfig {
	return info.Policy.StandaloneConfig(configNameOf(info), info.Kind != runtime.KindUnary)
}

func configNameOf(info runtime.MethodInfo) policy.MethodName {
	return policy.MethodName{Service: info.Service, Method: info.Name}
}
