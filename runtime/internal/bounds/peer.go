package bounds

import (
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
)

// Peer is an address without its port. A caller with an IPv6 address has a whole /64, which is one
// peer. So are all callers of a Unix socket, who may choose their addresses, and all callers whose
// address is unknown.
type Peer struct {
	ip   netip.Addr
	text string // for an address that is not IP
}

// PeerOf returns the peer of an address.
func PeerOf(addr net.Addr) Peer {
	if ip := network.IP(addr); ip.IsValid() {
		if ip.Is6() {
			ip = netip.PrefixFrom(ip, 64).Masked().Addr()
		}
		return Peer{ip: ip}
	}
	switch a := addr.(type) {
	case nil, *net.TCPAddr, *net.IPAddr: // without an address
		return Peer{text: "unknown"}
	case *net.UnixAddr:
		return Peer{text: "unix"}
	default:
		return Peer{text: a.String()} // "bufconn" for a connection in memory
	}
}

// String returns the address; for IPv6, with the length of the prefix.
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

// table holds the use of each peer with calls or connections.
type table struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu    sync.Mutex
	peers map[Peer]*peerUse
	sweep int // the number of peers at which idle ones are forgotten
}

// peerUse is the use of one peer.
type peerUse struct {
	usage
	shard *shard
	// While above 0, or while there are handlers, the peer is not forgotten. Guarded by the shard.
	refs int
}

// usage counts the calls and connections in use at a time.
type usage struct {
	handlers    atomic.Int64 // calls whose handler is running
	streams     atomic.Int64 // calls that the transport holds
	connections atomic.Int64
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

// makeRoom forgets idle peers each time the number of peers has doubled.
func (s *shard) makeRoom() {
	if len(s.peers) < s.sweep {
		return
	}
	for id, use := range s.peers {
		if use.refs == 0 && use.handlers.Load() == 0 {
			delete(s.peers, id)
		}
	}
	s.sweep = max(leastSweep, 2*len(s.peers))
}

// retain acquires a peer that is already acquired.
func (p *peerUse) retain() *peerUse {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	p.refs++
	return p
}

func (p *peerUse) release() {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	p.refs--
}
