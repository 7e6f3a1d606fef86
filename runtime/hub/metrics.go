package hub

import (
	"github.com/grpcservice/grpcservice/runtime/metric"
)

// slowNames are the values of the label "policy".
var slowNames = [...]string{
	Disconnect: "disconnect", DropOldest: "drop_oldest", DropNewest: "drop_newest", Block: "block",
}

var (
	byName   = []string{metric.LabelName}
	byPolicy = []string{metric.LabelName, metric.LabelPolicy}
)

// The metrics of a hub.
var (
	descRooms = &metric.Desc{
		Name: metric.HubRooms, Labels: byName, Kind: metric.Gauge,
		Help: "Rooms that have members on this replica.",
	}
	descMembers = &metric.Desc{
		Name: metric.HubMembers, Labels: byName, Kind: metric.Gauge,
		Help: "Members in all rooms on this replica.",
	}
	descQueuedBytes = &metric.Desc{
		Name: metric.HubQueuedBytes, Labels: byName, Kind: metric.Gauge,
		Help: "Encoded bytes of the messages in all queues; a message in many queues counts once.",
	}
	descPublished = &metric.Desc{
		Name: metric.HubPublished, Labels: byName,
		Help: "Messages that this replica has published in rooms or sent to single members.",
	}
	descConflated = &metric.Desc{
		Name: metric.HubConflated, Labels: byName,
		Help: "Messages in queues that were replaced by newer ones with the same key.",
	}
	descLost = &metric.Desc{
		Name: metric.HubLost, Labels: byPolicy,
		Help: "Messages that members lost because their queue was full, " +
			"by policy: drop_oldest, drop_newest or block.",
	}
	descDisconnected = &metric.Desc{
		Name: metric.HubDisconnected, Labels: byPolicy,
		Help: "Members that were disconnected because their queue was full, " +
			"by policy: disconnect or block.",
	}
	descBusReceived = &metric.Desc{
		Name: metric.HubBusReceived, Labels: byName,
		Help: "Messages received from other replicas.",
	}
	descBusLost = &metric.Desc{
		Name: metric.HubBusLost, Labels: byName,
		Help: "Messages of other replicas that the bus lost or that could not be decoded.",
	}
	descBusFailures = &metric.Desc{
		Name: metric.HubBusFailures, Labels: byName,
		Help: "Failed calls of the bus.",
	}
)

// descs are all of them.
var descs = []*metric.Desc{
	descRooms, descMembers, descQueuedBytes, descPublished, descConflated, descLost,
	descDisconnected, descBusReceived, descBusLost, descBusFailures,
}

// Metrics implements [metric.Source].
func (h *Hub[T]) Metrics() []*metric.Desc { return descs }

// Collect implements [metric.Source].
func (h *Hub[T]) Collect(report metric.Report) {
	name, stats, counts := h.settings.name, h.Stats(), &h.counts
	report(descRooms, float64(stats.Rooms), name)
	report(descMembers, float64(stats.Members), name)
	report(descQueuedBytes, float64(stats.Bytes), name)
	report(descPublished, float64(counts.published.Load()), name)
	report(descConflated, float64(counts.conflated.Load()), name)
	for _, slow := range []Slow{DropOldest, DropNewest, Block} {
		report(descLost, float64(counts.lost[slow].Load()), name, slowNames[slow])
	}
	for _, slow := range []Slow{Disconnect, Block} {
		report(descDisconnected, float64(counts.disconnected[slow].Load()), name, slowNames[slow])
	}
	if h.settings.bus != nil {
		report(descBusReceived, float64(counts.busReceived.Load()), name)
		report(descBusLost, float64(counts.busLost.Load()), name)
		report(descBusFailures, float64(counts.busFailures.Load()), name)
	}
}
