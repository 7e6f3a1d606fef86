package bounds

import (
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
)

// Peer is where calls come from: an address without its port. A caller with an IPv6 address has a
// whole /64 of them and is one peer.
type Peer struct {
	ip   netip.Addr
	text string // for an address that is not IP
}

// PeerOf returns the peer with an address.
func PeerOf(addr net.Addr) Peer {
	switch a := addr.(type) {
	case nil:
		return Peer{}
	case *net.TCPAddr:
		if a != nil {
			return peerAt(a.AddrPort().Addr())
		}
		return Peer{}
	}
	text := addr.String()
	addrPort, err := netip.ParseAddrPort(text)
	if err != nil { // a Unix socket, for example
		return Peer{text: text}
	}
	return peerAt(addrPort.Addr())
}

func peerAt(ip netip.Addr) Peer {
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		ip = netip.PrefixFrom(ip, 64).Masked().Addr()
	}
	return Peer{ip: ip}
}

// String returns the address, of IPv6 with the length of the prefix.
func (p Peer) String() string {
	switch {
	case p.ip.Is6():
		return netip.PrefixFrom(p.ip, 64).String()
	case p.ip.IsValid():
		return p.ip.String()
	default:
		return p.text
	}
}

// table holds the use of each peer that uses something.
type table struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu    sync.Mutex
	peers map[Peer]*peerUse
	sweep int // the number of peers at which those that use nothing are forgotten
}

// peerUse is the use of one peer.
type peerUse struct {
	usage
	shard *shard
	refs  int // the uses that keep it from being forgotten; guarded by the shard
}

// leastSweep is the number of peers that a shard remembers before it forgets any.
const leastSweep = 16

func (t *table) init() {
	t.seed = maphash.MakeSeed()
	for i := range t.shards {
		t.shards[i].peers = make(map[Peer]*peerUse)
		t.shards[i].sweep = leastSweep
	}
}

// acquire returns the use of a peer. The peer is remembered until every acquire has been released.
func (t *table) acquire(id Peer) *peerUse {
	s := &t.shards[maphash.Comparable(t.seed, id)%uint64(len(t.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	use, ok := s.peers[id]
	if !ok {
		s.makeRoom()
		use = &peerUse{shard: s}
		s.peers[id] = use
	}
	use.refs++
	return use
}

// makeRoom forgets the peers that use nothing, once for each time that the number of peers doubles.
func (s *shard) makeRoom() {
	if len(s.peers) < s.sweep {
		return
	}
	for id, use := range s.peers {
		if use.refs == 0 {
			delete(s.peers, id)
		}
	}
	s.sweep = max(leastSweep, 2*len(s.peers))
}

func (p *peerUse) release() {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	p.refs--
}
