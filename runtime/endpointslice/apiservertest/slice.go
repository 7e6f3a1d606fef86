package apiservertest

// Slice is an EndpointSlice of a service.
type Slice struct {
	Namespace, Name string
	Service         string // the label kubernetes.io/service-name
	AddressType     string // "IPv4" if it is empty
	Ports           []Port
	Endpoints       []Endpoint
}

// Port is a port of a slice.
type Port struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol,omitempty"`
	Port     int    `json:"port"`
}

// Endpoint is an endpoint of a slice. Conditions that are nil are missing.
type Endpoint struct {
	Addresses  []string   `json:"addresses"`
	Conditions Conditions `json:"conditions"`
	TargetRef  *TargetRef `json:"targetRef,omitempty"`
	Zone       string     `json:"zone,omitempty"`
}

// Conditions are the conditions of an endpoint.
type Conditions struct {
	Ready       *bool `json:"ready,omitempty"`
	Serving     *bool `json:"serving,omitempty"`
	Terminating *bool `json:"terminating,omitempty"`
}

// TargetRef is the pod of an endpoint.
type TargetRef struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// State returns conditions as Kubernetes sets them for a pod.
func State(ready, serving, terminating bool) Conditions {
	return Conditions{&ready, &serving, &terminating}
}

// object is a slice as the API has it.
type object struct {
	Kind        string     `json:"kind"`
	APIVersion  string     `json:"apiVersion"`
	Metadata    meta       `json:"metadata"`
	AddressType string     `json:"addressType,omitempty"`
	Endpoints   []Endpoint `json:"endpoints"`
	Ports       []Port     `json:"ports"`
}

type meta struct {
	Name            string            `json:"name,omitempty"`
	Namespace       string            `json:"namespace,omitempty"`
	UID             string            `json:"uid,omitempty"`
	ResourceVersion string            `json:"resourceVersion,omitempty"`
	Continue        string            `json:"continue,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
}

type list struct {
	Kind       string   `json:"kind"`
	APIVersion string   `json:"apiVersion"`
	Metadata   meta     `json:"metadata"`
	Items      []object `json:"items"`
}

type status struct {
	Kind       string         `json:"kind"`
	APIVersion string         `json:"apiVersion"`
	Metadata   meta           `json:"metadata"`
	Status     string         `json:"status"`
	Message    string         `json:"message"`
	Reason     string         `json:"reason"`
	Details    *statusDetails `json:"details,omitempty"`
	Code       int            `json:"code"`
}

type statusDetails struct {
	RetryAfterSeconds int `json:"retryAfterSeconds,omitempty"`
}

const (
	apiVersion   = "discovery.k8s.io/v1"
	serviceLabel = "kubernetes.io/service-name"
)

// object returns the slice as the API has it.
func (s Slice) object() object {
	kind := s.AddressType
	if kind == "" {
		kind = "IPv4"
	}
	return object{
		Kind: "EndpointSlice", APIVersion: apiVersion,
		Metadata: meta{
			Name: s.Name, Namespace: s.Namespace, UID: "uid-" + s.Name,
			Labels: map[string]string{serviceLabel: s.Service},
		},
		AddressType: kind, Endpoints: s.Endpoints, Ports: s.Ports,
	}
}
