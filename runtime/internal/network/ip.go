package network

import (
	"net"
	"net/netip"
)

// IP returns the IP address of addr, without a zone, and an IPv4 address as such; the zero Addr if
// addr has none.
func IP(addr net.Addr) netip.Addr {
	var ip netip.Addr
	switch a := addr.(type) {
	case nil, *net.UnixAddr, InProcess:
	case *net.TCPAddr:
		if a != nil {
			ip = a.AddrPort().Addr()
		}
	case *net.IPAddr:
		if a != nil {
			ip, _ = netip.AddrFromSlice(a.IP)
		}
	default:
		ip = ipIn(addr.String())
	}
	return ip.Unmap().WithZone("")
}

// ipIn returns the IP address in a text, with or without a port.
func ipIn(text string) netip.Addr {
	if addrPort, err := netip.ParseAddrPort(text); err == nil {
		return addrPort.Addr()
	}
	ip, _ := netip.ParseAddr(text)
	return ip
}

// InProcess is the address of both ends of a connection within a process.
type InProcess struct{}

// Network implements [net.Addr].
func (InProcess) Network() string { return "inprocess" }

// String implements [net.Addr].
func (InProcess) String() string { return "inprocess" }
