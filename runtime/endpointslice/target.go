package endpointslice

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// Scheme is the scheme of the targets.
const Scheme = "endpointslice"

// target is a service.
type target struct {
	namespace string // or "", the one of the process
	service   string
	port      port
}

// isLabel reports whether text has the form of names of services, namespaces and ports.
func isLabel(text string) bool {
	const hyphen, others = "-", "abcdefghijklmnopqrstuvwxyz0123456789"
	return text != "" && len(text) <= 63 && strings.Trim(text, others+hyphen) == "" &&
		!strings.HasPrefix(text, hyphen) && !strings.HasSuffix(text, hyphen)
}

// parseTarget returns the service of "endpointslice:///namespace/service:port".
func parseTarget(u *url.URL) (target, error) {
	t, err := parsePath(u)
	if err != nil {
		return target{}, fmt.Errorf(
			`%w; write "%s:///namespace/service:port", or "%s:///service:port" for `+
				"the process's own namespace", err, Scheme, Scheme)
	}
	return t, nil
}

func parsePath(u *url.URL) (target, error) {
	switch {
	case u.Host != "" || u.User != nil:
		return target{}, fmt.Errorf("the target has an authority (%q)", u.Host)
	case u.RawQuery != "" || u.Fragment != "":
		return target{}, errors.New("the target has a query or a fragment")
	}
	path := strings.TrimPrefix(u.Path+u.Opaque, "/")
	namespace, rest, ok := strings.Cut(path, "/")
	if !ok {
		namespace, rest = "", path
	} else if !isLabel(namespace) {
		return target{}, fmt.Errorf("%q is not the name of a namespace", namespace)
	}
	service, portText, ok := strings.Cut(rest, ":")
	if !isLabel(service) {
		return target{}, fmt.Errorf("%q is not the name of a service", service)
	}
	if !ok {
		return target{}, errors.New("the port is missing")
	}
	p, err := parsePort(portText)
	return target{namespace, service, p}, err
}

// port is the name or the number of a port.
type port struct {
	name   string
	number uint16
}

func parsePort(text string) (port, error) {
	if number, err := strconv.ParseUint(text, 10, 16); err == nil && number > 0 {
		return port{number: uint16(number)}, nil
	}
	if !isLabel(text) || strings.Trim(text, "0123456789") == "" {
		return port{}, fmt.Errorf("%q is neither the name of a port nor its number", text)
	}
	return port{name: text}, nil
}

// String returns the port as it stands in the target.
func (p port) String() string {
	if p.name != "" {
		return p.name
	}
	return strconv.Itoa(int(p.number))
}

// find returns the number of the port in a slice. A slice without ports, as a headless service
// without ports has, can only be used with a number.
func (p port) find(ports []slicePort) (uint16, bool) {
	if len(ports) == 0 {
		return p.number, p.number != 0
	}
	for _, candidate := range ports {
		if candidate.Protocol != "" && candidate.Protocol != "TCP" ||
			candidate.Port < 1 || candidate.Port > math.MaxUint16 {
			continue
		}
		number := uint16(candidate.Port)
		if p.name != "" && p.name == candidate.Name || p.number == number {
			return number, true
		}
	}
	return 0, false
}

// String returns the service as it stands in the target.
func (t target) String() string {
	if t.namespace == "" {
		return "service " + t.service
	}
	return "service " + t.namespace + "/" + t.service
}

// authority returns the name that certificates of a service in Kubernetes have, with the port if it
// is a number. The namespace must be known.
func (t target) authority() string {
	authority := t.service + "." + t.namespace + ".svc"
	if t.port.number != 0 {
		authority += ":" + t.port.String()
	}
	return authority
}
