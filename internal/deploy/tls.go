package deploy

// tlsVolume is the name of the volume with the certificate, and tlsDir where it is mounted.
const (
	tlsVolume = "tls"
	tlsDir    = "/tls"
)

// healthPortName is the name of the port for probes.
const healthPortName = "health"

// The environment variables of TLS.
const (
	envTLS        = "TLS"
	envClientCAs  = "CLIENT_CAS"
	envHealthAddr = "HEALTH_ADDR"
)

// tls reports whether the program serves TLS itself.
func (a App) tls() bool { return a.TLSSecret != "" }

// probePort returns the port that probes call: with TLS, the next one after the program's own.
func (a App) probePort() int {
	if !a.tls() {
		return a.Port
	}
	for _, port := range []int{a.Port + 1, a.Port + 2, a.Port - 1} {
		if port <= 65535 && port != a.WebPort {
			return port
		}
	}
	return a.Port - 2
}

// tlsEnv returns the environment variables of TLS.
func tlsEnv(app App) []envVar {
	if !app.tls() {
		return nil
	}
	return []envVar{
		{Name: envTLS, Value: tlsDir},
		{Name: envHealthAddr, Value: ":" + numbers(app.probePort())},
	}
}

// tlsNote is the comment above the environment variables of TLS.
func tlsNote(app App) string {
	return "The directory of tls.crt and tls.key. The server reads them again when the Secret " + app.TLSSecret +
		" changes. To require client certificates (mutual TLS), set " + envClientCAs + " to " + tlsDir +
		"/ca.crt, which cert-manager puts into the Secret."
}

// probeNote is the comment about probes beside TLS.
const probeNote = "Probes call a plain-text port that serves health only, because the gRPC probes of Kubernetes do " +
	"not use TLS. From Kubernetes 1.37, grpc.mode: TLS with the port of the server is an alternative (KEP-4939, " +
	"alpha, feature gate GRPCContainerProbeTLS); such probes verify no certificate and present none."

// volumesOf returns the volumes of a pod.
func volumesOf(app App) []volume {
	volumes := []volume{{Name: tmpVolume, EmptyDir: &emptyDir{"256Mi"}}}
	if app.tls() {
		volumes = append(volumes, volume{Name: tlsVolume, Secret: &secretVolume{app.TLSSecret}})
	}
	return volumes
}

// mountsOf returns where the volumes are mounted.
func mountsOf(app App) []volumeMount {
	mounts := []volumeMount{{Name: tmpVolume, MountPath: "/tmp"}}
	if app.tls() {
		mounts = append(mounts, volumeMount{Name: tlsVolume, MountPath: tlsDir, ReadOnly: true})
	}
	return mounts
}

// portsOf returns the ports of the container.
func portsOf(app App) []containerPort {
	ports := []containerPort{{portName, app.Port, "TCP"}}
	if app.web() {
		ports = append(ports, containerPort{webPortName, app.WebPort, "TCP"})
	}
	if app.tls() {
		ports = append(ports, containerPort{healthPortName, app.probePort(), "TCP"})
	}
	if app.Monitoring {
		ports = append(ports, containerPort{adminPortName, app.adminPort(), "TCP"})
	}
	return ports
}

// appProtocol returns what a proxy may assume about the port of a Service.
func (a App) appProtocol() string {
	if a.tls() {
		return "tls"
	}
	return "grpc"
}
