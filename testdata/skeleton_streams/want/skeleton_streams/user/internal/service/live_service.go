// Package service implements the services of live.v1.
package service

import (
	"context"

	livev1 "example.com/skeleton_streams/live/v1"
	"example.com/skeleton_streams/live/v1/livev1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// LiveService implements [livev1service.LiveService].
type LiveService struct {
	events  *eventlog.Log[livev1.Event]
	events2 *eventlog.Log[livev1.Change]
	events3 *eventlog.Log[livev1.Line]
	rooms   *hub.Hub[livev1.Message]
	rooms2  *hub.Hub[livev1.Edited]
}

var _ livev1service.LiveService = (*LiveService)(nil)

// NewLiveService returns a LiveService whose subscriptions read the log and whose members meet in
// the rooms of the hub.
func NewLiveService(events *eventlog.Log[livev1.Event], events2 *eventlog.Log[livev1.Change], events3 *eventlog.Log[livev1.Line], rooms *hub.Hub[livev1.Message], rooms2 *hub.Hub[livev1.Edited]) *LiveService {
	s := &LiveService{events: events, events2: events2, events3: events3, rooms: rooms, rooms2: rooms2}
	return s
}

// SearchProducts takes a request and returns a stream of responses.
func (s *LiveService) SearchProducts(ctx context.Context, req *livev1.SearchRequest) runtime.Stream[livev1.Product] {
	// TODO: Yield the results, the best first. Serve stops at the limit of the request.
	return livev1service.LiveServiceSearchProducts.Serve(ctx, req, func(yield func(*livev1.Product, error) bool) {
		yield(nil, runtime.Unimplemented(livev1service.LiveServiceName, "SearchProducts"))
	})
}

// StreamProducts takes a request and returns a stream of responses.
func (s *LiveService) StreamProducts(ctx context.Context, req *livev1.SearchRequest) runtime.Stream[livev1.Products] {
	// TODO: Yield the results, the best first. Serve stops at the limit of the request.
	return livev1service.LiveServiceStreamProducts.Serve(ctx, req, func(yield func(*livev1.Product, error) bool) {
		yield(nil, runtime.Unimplemented(livev1service.LiveServiceName, "StreamProducts"))
	})
}

// Find takes a request and returns a stream of responses.
func (s *LiveService) Find(ctx context.Context, req *livev1.FindRequest) runtime.Stream[livev1.FindResponse] {
	// TODO: Yield the results, the best first. Serve stops at the limit of the request.
	return livev1service.LiveServiceFind.Serve(ctx, req, func(yield func(*livev1.Product, error) bool) {
		yield(nil, runtime.Unimplemented(livev1service.LiveServiceName, "Find"))
	})
}

// SuggestTerms takes a request and returns a stream of responses.
func (s *LiveService) SuggestTerms(ctx context.Context, req *livev1.SearchRequest) runtime.Stream[livev1.SuggestTermsResponse] {
	// TODO: Yield the results, the best first. Serve stops at the limit of the request.
	return livev1service.LiveServiceSuggestTerms.Serve(ctx, req, func(yield func(string, error) bool) {
		yield("", runtime.Unimplemented(livev1service.LiveServiceName, "SuggestTerms"))
	})
}

// FindIds takes a request and returns a stream of responses.
func (s *LiveService) FindIds(ctx context.Context, req *livev1.SearchRequest) runtime.Stream[livev1.IdList] {
	// TODO: Yield the results, the best first. Serve stops at the limit of the request.
	return livev1service.LiveServiceFindIds.Serve(ctx, req, func(yield func(int64, error) bool) {
		yield(0, runtime.Unimplemented(livev1service.LiveServiceName, "FindIds"))
	})
}

// Subscribe takes a request and returns a stream of responses.
func (s *LiveService) Subscribe(ctx context.Context, req *livev1.SubscribeRequest) runtime.Stream[livev1.Event] {
	// TODO: Append events to the log where they happen: s.events.Append(ctx, event).
	return livev1service.LiveServiceSubscribe.Serve(ctx, req, s.events)
}

// Watch takes a request and returns a stream of responses.
func (s *LiveService) Watch(ctx context.Context, req *livev1.WatchRequest) runtime.Stream[livev1.Change] {
	// TODO: Append events to the log where they happen: s.events2.Append(ctx, event).
	return livev1service.LiveServiceWatch.Serve(ctx, req, s.events2)
}

// TailLogs takes a request and returns a stream of responses.
func (s *LiveService) TailLogs(ctx context.Context, req *livev1.TailRequest) runtime.Stream[livev1.Line] {
	// TODO: Append events to the log where they happen: s.events3.Append(ctx, event).
	return livev1service.LiveServiceTailLogs.Serve(ctx, req, s.events3)
}

// UploadImages takes a stream of requests and returns a response.
func (s *LiveService) UploadImages(ctx context.Context, reqs runtime.Stream[livev1.ImageChunk]) (*livev1.Summary, error) {
	for file, err := range livev1service.LiveServiceUploadImages.Files(ctx, reqs) {
		if err != nil {
			return nil, err // the call was canceled, or a file is not valid; nothing of it is complete
		}
		_ = file // TODO: Store the file, an io.Reader, under a name of yours: callers choose file.Name().
	}
	// TODO: Return the response to all files.
	return nil, runtime.Unimplemented(livev1service.LiveServiceName, "UploadImages")
}

// UploadVideo takes a stream of requests and returns a response.
func (s *LiveService) UploadVideo(ctx context.Context, reqs runtime.Stream[livev1.VideoChunk]) (*livev1.Summary, error) {
	for file, err := range livev1service.LiveServiceUploadVideo.Files(ctx, reqs) {
		if err != nil {
			return nil, err // the call was canceled, or a file is not valid; nothing of it is complete
		}
		_ = file // TODO: Store the file, an io.Reader, under a name of yours: callers choose file.Name().
	}
	// TODO: Return the response to all files.
	return nil, runtime.Unimplemented(livev1service.LiveServiceName, "UploadVideo")
}

// UploadPart takes a stream of requests and returns a response.
func (s *LiveService) UploadPart(ctx context.Context, reqs runtime.Stream[livev1.PartChunk]) (*livev1.Summary, error) {
	for file, err := range livev1service.LiveServiceUploadPart.Files(ctx, reqs) {
		if err != nil {
			return nil, err // the call was canceled, or a file is not valid; nothing of it is complete
		}
		_ = file // TODO: Store the file, an io.Reader, under a name of yours: callers choose file.Name().
	}
	// TODO: Return the response to all files.
	return nil, runtime.Unimplemented(livev1service.LiveServiceName, "UploadPart")
}

// CreateUsers takes a stream of requests and returns a response.
func (s *LiveService) CreateUsers(ctx context.Context, reqs runtime.Stream[livev1.User]) (*livev1.Summary, error) {
	// TODO: Process one item. An error is counted and reported, and the other items go on.
	result, err := livev1service.LiveServiceCreateUsers.Each(ctx, reqs, func(ctx context.Context, req *livev1.User) error {
		return runtime.Unimplemented(livev1service.LiveServiceName, "CreateUsers")
	})
	if err != nil {
		return nil, err // the call was canceled, or a limit is exceeded
	}
	_ = result // TODO: Return how many items succeeded, and which failed.
	return nil, runtime.Unimplemented(livev1service.LiveServiceName, "CreateUsers")
}

// RecordMetrics takes a stream of requests and returns a response.
func (s *LiveService) RecordMetrics(ctx context.Context, reqs runtime.Stream[livev1.Metric]) (*livev1.Summary, error) {
	// TODO: Add req to resp. A stream can have any number of requests, so do not keep them all.
	resp, err := stream.Fold(ctx, reqs, new(livev1.Summary), func(
		resp *livev1.Summary, req *livev1.Metric,
	) (*livev1.Summary, error) {
		return resp, runtime.Unimplemented(livev1service.LiveServiceName, "RecordMetrics")
	})
	if err != nil {
		return nil, err // the call was canceled, the server shuts down, or a message is not a valid request
	}
	_ = resp // TODO: Complete and return it.
	return nil, runtime.Unimplemented(livev1service.LiveServiceName, "RecordMetrics")
}

// Ingest takes a stream of requests and returns a response.
func (s *LiveService) Ingest(ctx context.Context, reqs runtime.Stream[livev1.Metric]) (*livev1.Summary, error) {
	// TODO: Process one item. An error is counted and reported, and the other items go on.
	result, err := livev1service.LiveServiceIngest.Each(ctx, reqs, func(ctx context.Context, req *livev1.Metric) error {
		return runtime.Unimplemented(livev1service.LiveServiceName, "Ingest")
	})
	if err != nil {
		return nil, err // the call was canceled, or a limit is exceeded
	}
	_ = result // TODO: Return how many items succeeded, and which failed.
	return nil, runtime.Unimplemented(livev1service.LiveServiceName, "Ingest")
}

// Converse takes a stream of requests and returns a stream of responses.
func (s *LiveService) Converse(ctx context.Context, reqs runtime.Stream[livev1.ConverseRequest]) runtime.Stream[livev1.Text] {
	// TODO: Check first, and respond to the requests after it.
	return livev1service.LiveServiceConverse.Serve(ctx, reqs, func(
		ctx context.Context, first *livev1.Config, reqs runtime.Stream[livev1.ConverseRequest], send func(*livev1.Text) error,
	) error {
		return runtime.Unimplemented(livev1service.LiveServiceName, "Converse")
	})
}

// Talk takes a stream of requests and returns a stream of responses.
func (s *LiveService) Talk(ctx context.Context, reqs runtime.Stream[livev1.TalkRequest]) runtime.Stream[livev1.Text] {
	// TODO: Check first, and respond to the requests after it.
	return livev1service.LiveServiceTalk.Serve(ctx, reqs, func(
		ctx context.Context, first *livev1.Text, reqs runtime.Stream[livev1.TalkRequest], send func(*livev1.Text) error,
	) error {
		return runtime.Unimplemented(livev1service.LiveServiceName, "Talk")
	})
}

// Dictate takes a stream of requests and returns a stream of responses.
func (s *LiveService) Dictate(ctx context.Context, reqs runtime.Stream[livev1.DictateRequest]) runtime.Stream[livev1.Text] {
	// TODO: Check first, and respond to the requests after it.
	return livev1service.LiveServiceDictate.Serve(ctx, reqs, func(
		ctx context.Context, first livev1.Language, reqs runtime.Stream[livev1.DictateRequest], send func(*livev1.Text) error,
	) error {
		return runtime.Unimplemented(livev1service.LiveServiceName, "Dictate")
	})
}

// Chat takes a stream of requests and returns a stream of responses.
func (s *LiveService) Chat(ctx context.Context, reqs runtime.Stream[livev1.Message]) runtime.Stream[livev1.Message] {
	return livev1service.LiveServiceChat.Serve(ctx, reqs, s.rooms, hub.Handler[livev1.Message, livev1.Message]{
		Join: func(ctx context.Context, room string, first *livev1.Message) error {
			return runtime.Unimplemented(livev1service.LiveServiceName, "Chat") // TODO: Return nil if the caller may join the room.
		},
	})
}

// Collaborate takes a stream of requests and returns a stream of responses.
func (s *LiveService) Collaborate(ctx context.Context, reqs runtime.Stream[livev1.Edit]) runtime.Stream[livev1.Edited] {
	return livev1service.LiveServiceCollaborate.Serve(ctx, reqs, s.rooms2, hub.Handler[livev1.Edit, livev1.Edited]{
		Join: func(ctx context.Context, room string, first *livev1.Edit) error {
			return runtime.Unimplemented(livev1service.LiveServiceName, "Collaborate") // TODO: Return nil if the caller may join the room.
		},
		Receive: func(ctx context.Context, m *hub.Member[livev1.Edited], req *livev1.Edit) error {
			return runtime.Unimplemented(livev1service.LiveServiceName, "Collaborate") // TODO: Publish what the members receive.
		},
	})
}

// Echo takes a stream of requests and returns a stream of responses.
func (s *LiveService) Echo(ctx context.Context, reqs runtime.Stream[livev1.Text]) runtime.Stream[livev1.Text] {
	// TODO: Respond to one request. If responses do not follow requests one by one, return stream.Duplex
	// instead.
	answer := func(req *livev1.Text) (*livev1.Text, error) {
		return nil, runtime.Unimplemented(livev1service.LiveServiceName, "Echo")
	}
	return func(yield func(*livev1.Text, error) bool) {
		for req, err := range reqs {
			if err != nil {
				yield(nil, err) // the call was canceled, or a message is not a valid request
				return
			}
			resp, err := answer(req)
			if !yield(resp, err) || err != nil {
				return // the caller stopped reading, or there was an error
			}
		}
		// TODO: Yield final responses, if there are any, instead of an error.
		yield(nil, runtime.Unimplemented(livev1service.LiveServiceName, "Echo"))
	}
}
