// Package natshub carries rooms, logs and presence between replicas over NATS.
//
// [NewBus] connects the hubs of replicas over core NATS:
//
//	nc, err := nats.Connect(url, nats.MaxReconnects(-1))
//	rooms := hub.New[chatv1.Message](hub.WithBus(natshub.NewBus(nc)))
//
// Its options are [WithRoomPrefix], [WithPending] and [WithBusName].
//
// [OpenLog] keeps a log in a JetStream stream, so that a subscription resumes on any replica:
//
//	js, err := jetstream.New(nc)
//	store, err := natshub.OpenLog(ctx, js, "events", natshub.WithReplicas(3))
//	log := eventlog.New[shopv1.Event](store)
//
// Its options bound the stream ([WithMaxBytes], [WithMaxRecords], [WithMaxAge],
// [WithRejectWhenFull]), state where it is ([WithReplicas], [WithMemoryStorage], [WithLogPrefix]),
// and set how the client behaves ([WithTimeout], [WithWatchdog], [WithLogName]).
//
// [OpenRoster] lists the members of rooms on all replicas, in a JetStream key-value bucket:
//
//	roster, err := natshub.OpenRoster(ctx, js, "members")
//	rooms := hub.New[chatv1.Message](hub.WithBus(bus), hub.WithRoster(roster))
//
// Its options are [WithExpiry], [WithMaxListed], [WithRosterReplicas] and [WithRosterName].
//
// docs/rooms.md and docs/subscriptions.md describe what NATS promises. Package natshub/natstest
// runs servers for tests.
package natshub
