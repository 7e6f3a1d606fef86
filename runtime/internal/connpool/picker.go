package connpool

import (
	"slices"

	"google.golang.org/grpc/balancer"
)

// maxTries is how many servers the picker asks for room if there are several. Balancers that draw
// servers at random return the same ones again.
const maxTries = 16

// picker implements [balancer.Picker].
type picker struct {
	child    balancer.Picker
	pool     *pool
	tries    int  // 1, or maxTries if there are several servers
	starting bool // whether a further server connects
}

// Pick implements [balancer.Picker].
func (k *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	pick, err := k.child.Pick(info)
	if err != nil {
		return pick, err
	}
	s, ok := pick.SubConn.(*server)
	if !ok {
		return pick, nil
	}
	if l := s.take(); l != nil {
		return l.carry(pick), nil
	}
	return k.search(info, pick, s)
}

// search looks for a server with room after s had none. If no server has, the call waits for a
// connection or a server that is being opened; if none is, it is queued at the last server.
func (k *picker) search(
	info balancer.PickInfo, pick balancer.PickResult, s *server,
) (balancer.PickResult, error) {
	var tried [maxTries]*server
	wait := k.starting
	for i := 0; ; i++ {
		l, waits := s.takeOrGrow()
		if l != nil {
			return l.carry(pick), nil
		}
		tried[i], wait = s, wait || waits
		if i+1 == k.tries {
			break
		}
		discard(pick)
		var err error
		if pick, err = k.child.Pick(info); err != nil {
			return pick, err
		}
		next, ok := pick.SubConn.(*server)
		if !ok {
			return pick, nil
		}
		s = next
	}
	if !wait {
		if l := s.exceed(); l != nil {
			return l.carry(pick), nil
		}
	}
	discard(pick)
	k.pool.blocked.Add(1)
	// A place that was returned before blocked was set wakes nobody.
	if slices.ContainsFunc(tried[:k.tries], (*server).hasRoom) {
		k.pool.wakeSoon()
	}
	return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
}

// discard finishes a pick that is not used, as grpc does if the connection is lost.
func discard(pick balancer.PickResult) {
	if pick.Done != nil {
		pick.Done(balancer.DoneInfo{})
	}
}
