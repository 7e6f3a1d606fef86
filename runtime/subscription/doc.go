// Package subscription serves logs of events to subscribers that resume where they stopped, and the
// tails of logs. No event is lost or sent twice, however often the connection breaks, and a
// subscriber whose events are gone gets a separate error.
//
// The generated package has a [Method] for each subscription. The server provides the log:
//
//	func (s *Events) SubscribeToEvents(ctx context.Context, req *shopv1.SubscribeRequest) runtime.Stream[shopv1.Event] {
//		return shopv1service.EventServiceSubscribeToEvents.Serve(ctx, req, s.log)
//	}
//
// A client ranges over the events of many connections:
//
//	subscribe := shopv1service.EventServiceSubscribeToEvents
//	for event, err := range subscribe.Resume(ctx, events, req) { … }
//
// docs/subscriptions.md describes positions, marks and what clients in other languages do.
package subscription
