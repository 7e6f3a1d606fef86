package deploy

// service is a v1 Service.
type service struct {
	object `yaml:",inline"`
	Spec   serviceSpec `yaml:"spec"`
}

type serviceSpec struct {
	ClusterIP string            `yaml:"clusterIP,omitempty"`
	Selector  map[string]string `yaml:"selector"`
	Ports     []servicePort     `yaml:"ports"`
}

type servicePort struct {
	Name        string `yaml:"name"`
	Port        int    `yaml:"port"`
	TargetPort  string `yaml:"targetPort"`
	Protocol    string `yaml:"protocol"`
	AppProtocol string `yaml:"appProtocol,omitempty"`
}

func servicePorts(app App) []servicePort {
	ports := []servicePort{{portName, app.Port, portName, "TCP", app.appProtocol()}}
	if app.web() {
		ports = append(ports, webServicePort(app))
	}
	return ports
}

// serviceOf returns the Service that a mesh balances.
func serviceOf(app App) manifest {
	use := "use this Service in a mesh, whose proxies balance calls, and " + headless(app) + " without one."
	if app.tls() {
		use = "clients that balance calls themselves use " + headless(app) + ". The certificate must have the " +
			"names of the Services that clients use."
	}
	return manifest{
		file:   "kubernetes/service.yaml",
		head:   "One address for all pods. Kubernetes balances connections, not calls, and a gRPC client keeps one connection: " + use,
		object: service{ofApp(app, "v1", "Service"), serviceSpec{Selector: appLabels(app), Ports: servicePorts(app)}},
	}
}

// headless returns the name of the Service for clients that balance on the client side.
func headless(app App) string { return app.Name + "-headless" }

// headlessOf returns the Service for clients that balance on the client side.
func headlessOf(app App) manifest {
	s := service{ofApp(app, "v1", "Service"), serviceSpec{ClusterIP: "None", Selector: appLabels(app), Ports: servicePorts(app)}}
	s.Metadata.Name = headless(app)
	return manifest{
		file:   "kubernetes/service-headless.yaml",
		head:   "The addresses of all ready pods, for clients that balance calls themselves: client.Dial(\"dns:///" + headless(app) + ":" + numbers(app.Port) + "\") does.",
		object: s,
	}
}
