package deploy

// backendTLSPolicy is a gateway.networking.k8s.io/v1 BackendTLSPolicy.
type backendTLSPolicy struct {
	object `yaml:",inline"`
	Spec   backendTLSSpec `yaml:"spec"`
}

type backendTLSSpec struct {
	TargetRefs []localRef        `yaml:"targetRefs"`
	Validation backendValidation `yaml:"validation"`
}

// localRef refers to an object of the same namespace. The group of a Service or a ConfigMap is "".
type localRef struct {
	Group string `yaml:"group"`
	Kind  string `yaml:"kind"`
	Name  string `yaml:"name"`
}

type backendValidation struct {
	Hostname          string     `yaml:"hostname"`
	CACertificateRefs []localRef `yaml:"caCertificateRefs"`
}

// backendTLSPolicyOf returns the BackendTLSPolicy by which a Gateway uses TLS to the pods of app.
func backendTLSPolicyOf(app App) manifest {
	service := func(version string) localRef {
		return localRef{Kind: "Service", Name: backendsOf(app, version)[0].Name}
	}
	authority := app.Name + "-ca"
	return manifest{
		file: "gateway/backendtlspolicy.yaml",
		head: "The Gateway uses TLS to the pods of " + app.Name + ". Without this policy it would use " +
			"plain text, and all calls would fail. It requires Gateway API 1.4.",
		object: backendTLSPolicy{ofApp(app, gatewayVersion, "BackendTLSPolicy"), backendTLSSpec{
			TargetRefs: []localRef{service(app.Version), service(nextVersion(app))},
			Validation: backendValidation{app.Name, []localRef{{Kind: "ConfigMap", Name: authority}}},
		}},
		notes: notes{
			"spec.validation.hostname": "The name in the certificate of the Secret " + app.TLSSecret + ".",
			"spec.validation.caCertificateRefs": "The CA that issued the certificate. A renewed " +
				"certificate of the same CA needs no change here. Create it once:\n" +
				"kubectl create configmap " + authority + " --from-file=ca.crt",
		},
	}
}
