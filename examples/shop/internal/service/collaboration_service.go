package service

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// Limits of the memory of a CollaborationService.
const (
	maxDocuments     = 100
	maxDocumentBytes = 64 << 10
	maxPastEdits     = 256
)

type edit = shopv1.DocumentEdit

// CollaborationService lets staff write texts together. It implements
// [shopv1service.CollaborationService].
//
// The order of a document's edits is that of its lock: an edit is applied and published under it,
// so that all members receive revision 8 after revision 7. Publishing never waits for a member.
type CollaborationService struct {
	rooms *hub.Hub[edit]

	mu        sync.Mutex
	documents map[string]*document
}

// document is a text and its latest edits.
type document struct {
	mu       sync.Mutex
	content  []byte
	revision int64
	past     []*edit // the latest, up to revision; not changed
}

// NewCollaborationService returns a CollaborationService without documents.
func NewCollaborationService() *CollaborationService {
	return &CollaborationService{rooms: hub.New[edit](), documents: make(map[string]*document)}
}

// Collaborate joins a document with the first edit, and streams its edits in their order. A member
// first receives the edits after the revision of its first edit, or an update of the whole document
// if they are not kept any more. It may receive an edit twice, and ignores revisions that it has.
func (s *CollaborationService) Collaborate(ctx context.Context, reqs runtime.Stream[edit]) runtime.Stream[edit] {
	var answered int64 // the revision up to which stale edits have been answered
	return shopv1service.CollaborationServiceCollaborate.Serve(ctx, reqs, s.rooms, hub.Handler[edit, edit]{
		History: s.missed,
		Receive: func(ctx context.Context, m *hub.Member[edit], req *edit) error {
			return s.receive(ctx, m, req, &answered)
		},
	})
}

// document returns a document, and creates it if nobody has edited it yet.
func (s *CollaborationService) document(id string) (*document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	doc, ok := s.documents[id]
	if !ok {
		if len(s.documents) == maxDocuments {
			return nil, shopv1service.CollaborationReasonTooManyDocuments.Errorf(codes.ResourceExhausted, "the shop keeps %d documents", maxDocuments)
		}
		doc = &document{}
		s.documents[id] = doc
	}
	return doc, nil
}

// missed returns the edits that a new member receives first.
func (s *CollaborationService) missed(_ context.Context, m *hub.Member[edit], first *edit) runtime.Stream[edit] {
	doc, err := s.document(m.Room())
	if err != nil {
		return runtime.Fail[edit](err)
	}
	doc.mu.Lock()
	defer doc.mu.Unlock()
	return stream.Of(doc.since(m.Room(), first.GetRevision())...)
}

// receive applies an edit. An edit without an operation only joins. If the edit is based on an old
// revision, the response is what its author missed, once for all edits that were in flight.
func (s *CollaborationService) receive(ctx context.Context, m *hub.Member[edit], req *edit, answered *int64) error {
	if req.GetOperation() == shopv1.DocumentEdit_OPERATION_UNSPECIFIED {
		return nil
	}
	doc, err := s.document(m.Room())
	if err != nil {
		return err
	}
	doc.mu.Lock()
	defer doc.mu.Unlock()
	if req.GetRevision() != doc.revision {
		for _, other := range doc.since(m.Room(), max(req.GetRevision(), *answered)) {
			if err := m.Send(ctx, other); err != nil {
				return err
			}
		}
		*answered = doc.revision
		return nil
	}
	done, err := doc.apply(m, req)
	if err != nil {
		return err
	}
	return s.rooms.Publish(ctx, m.Room(), done)
}

// update returns an edit that replaces the whole document. The caller holds the lock.
func (d *document) update(id string) *edit {
	return &edit{DocumentId: id, Content: string(d.content), Operation: shopv1.DocumentEdit_OPERATION_UPDATE, Revision: d.revision}
}

// since returns the edits after a revision, or an update if they are no longer stored. The caller
// holds the lock.
func (d *document) since(id string, revision int64) []*edit {
	missed := d.revision - revision
	if missed < 0 || missed > int64(len(d.past)) {
		return []*edit{d.update(id)}
	}
	return slices.Clone(d.past[int64(len(d.past))-missed:])
}

// apply applies an edit and returns it with its revision.
func (d *document) apply(m *hub.Member[edit], req *edit) (*edit, error) {
	at, size := int(req.GetPosition()), 0
	switch req.GetOperation() {
	case shopv1.DocumentEdit_OPERATION_DELETE:
		size = len(req.GetContent()) // the text that it deletes
	case shopv1.DocumentEdit_OPERATION_UPDATE:
		at, size = 0, len(d.content)
	}
	if at < 0 || at+size > len(d.content) {
		return nil, rpcerr.Invalid(rpcerr.Violation("position", "must be within the %d bytes of the document, is %d", len(d.content), at))
	}
	text := req.GetContent()
	if req.GetOperation() == shopv1.DocumentEdit_OPERATION_DELETE {
		if string(d.content[at:at+size]) != text {
			return nil, rpcerr.Invalid(rpcerr.Violation("content", "must be what the document has at the position"))
		}
		text = ""
	}
	if len(d.content)-size+len(text) > maxDocumentBytes {
		return nil, rpcerr.Invalid(rpcerr.Violation("content", "must leave a document of at most %d bytes", maxDocumentBytes))
	}
	d.content = append(d.content[:at:at], append([]byte(text), d.content[at+size:]...)...)
	d.revision++
	done := proto.CloneOf(req)
	done.UserId, done.DocumentId, done.Revision = m.Name(), m.Room(), d.revision
	if d.past = append(d.past, done); len(d.past) > maxPastEdits {
		d.past = append([]*edit(nil), d.past[len(d.past)-maxPastEdits:]...)
	}
	return done, nil
}
