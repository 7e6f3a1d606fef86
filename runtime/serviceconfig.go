package runtime

import "github.com/grpcservice/grpcservice/runtime/policy"

// methodConfigOf returns what a service config says of a method to our own clients.
func methodConfigOf(info MethodInfo) policy.MethodConfig {
	return info.Policy.ClientConfig(configNameOf(info), info.Kind != KindUnary)
}

// standaloneConfigOf returns what a service config says of a method to clients that know the policy from nothing else.
func standaloneConfigOf(info MethodInfo) policy.MethodConfig {
	return info.Policy.StandaloneConfig(configNameOf(info), info.Kind != KindUnary)
}

func configNameOf(info MethodInfo) policy.MethodName {
	return policy.MethodName{Service: info.Service, Method: info.Name}
}
